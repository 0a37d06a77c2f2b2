import type { DenialCode } from './denial.ts'

/** Options of git that run a program or move git elsewhere; git also takes every unambiguous shortening of a long one. */
const executing = [
  '--exec',
  '--exec-path',
  '--upload-pack',
  '--receive-pack',
  '--config',
  '--config-env',
  '--template',
  '--git-dir',
  '--work-tree',
  '--namespace',
  '--open-files-in-pager',
  '--ext-diff',
  '--textconv',
  '--output',
  '--separate-git-dir',
  '--reference',
]
const executingShort = /^-(c|C|O|u|x|p)/
/** Run programs or rewrite configuration whatever their options are. */
const never = new Set([
  'bisect',
  'filter-branch',
  'config',
  'submodule',
  'hook',
  'daemon',
  'credential',
  'difftool',
  'mergetool',
])
const subcommands = new Set(['status', 'diff', 'log', 'show'])
const touchesPaths = new Set(['init', 'add', 'clone', 'rm', 'mv', 'checkout', 'restore', 'apply'])

/** Names what is wrong with arguments meant for git. They are refused in any case: git is run by core alone, with arguments of
 *  its own; this only finds the most telling word. Undefined when argv is not a git command. */
export function refuseGit(argv: readonly string[]): { code: DenialCode; reason: string } | undefined {
  if (argv[0] !== 'git') return undefined
  const rest = argv.slice(1)
  const subcommand = rest.find((word) => !word.startsWith('-') && !word.includes('='))
  if (rest.includes('--no-index'))
    return { code: 'path-outside-root', reason: 'git would read any file of the machine.' }
  if (subcommand !== undefined && subcommand === rest.find((word) => !word.startsWith('-')) && never.has(subcommand)) {
    return { code: 'subcommand', reason: `'git ${subcommand}' is not for roles; use git_status, git_diff or git_log.` }
  }
  const option = rest.find(executes)
  if (option !== undefined) {
    return { code: 'option-injection', reason: `'${option.split('=')[0]}' makes git run or read something else.` }
  }
  if (rest.some((word) => word.startsWith(':(') || word.startsWith(':/') || word.startsWith(':!'))) {
    return { code: 'pathspec-magic', reason: 'Pathspec magic has no meaning here.' }
  }
  if (subcommand !== undefined && touchesPaths.has(subcommand) && rest.some(leavesRoot)) {
    return { code: 'path-outside-root', reason: 'A path leads out of the worktree.' }
  }
  if (subcommand === undefined || !subcommands.has(subcommand)) {
    return {
      code: 'subcommand',
      reason: `'git ${subcommand ?? ''}' is not for roles; use git_status, git_diff or git_log.`,
    }
  }
  return {
    code: 'argv-not-allowlisted',
    reason: 'Core runs git itself; use git_status, git_diff or git_log without arguments.',
  }
}

function executes(word: string): boolean {
  if (!word.startsWith('--')) return executingShort.test(word)
  const name = word.split('=')[0]!
  return name.length > 3 && executing.some((option) => option.startsWith(name))
}

function leavesRoot(word: string): boolean {
  return word.startsWith('/') || word.startsWith('~') || word.split(/[\\/]/).includes('..')
}
