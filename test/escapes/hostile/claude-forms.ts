/** The same attempt through the tools that our roles do have: a name of the catalogue and its input, or nothing where we have no such tool. */
export function ownForm(tool: string, input: Input): [name: string, input: unknown] | undefined {
  const { file_path: path = '', command = '' } = input
  switch (tool) {
    case 'Read':
      return ['read_files', { paths: [path] }]
    case 'Grep':
      return ['search_codebase', { pattern: input.pattern, path: input.path }]
    case 'Glob':
      return ['list_files', { glob: input.pattern, ...(input.path !== undefined && { path: input.path }) }]
    case 'Write':
      return ['write_file', { path, content: input.content }]
    case 'Edit':
      return ['apply_diff', { path, old: input.old_string, new: input.new_string }]
    case 'NotebookEdit':
      return ['apply_diff', { path: input.notebook_path, old: '"1"', new: '"PWN"' }]
    case 'Bash':
      return ['run_tests', { command }]
    case 'Agent':
      return ['spawn_roles', { role: input.subagent_type, input: { task: input.prompt } }]
    default:
      return undefined
  }
}

export interface Input {
  file_path?: string
  notebook_path?: string
  path?: string
  pattern?: string
  content?: string
  old_string?: string
  new_string?: string
  command?: string
  subagent_type?: string
  prompt?: string
}
