import { defineRole, z } from 'codeband'

export default defineRole({
  id: 'file-picker',
  description: 'Finds the files that matter for a task.',
  input: z.object({ task: z.string() }),
  output: z.array(z.string()).max(50).describe('Paths relative to the repository, the most important first'),
  tools: ['list_files', 'search_codebase', 'read_files'],
  systemPrompt: `You find the files that somebody who does the task must read or change: sources, their tests, and the configuration that decides how they run.
Look before you answer. Name at most 20, the most important first; name none that you have not seen.`,
  userPrompt: 'Task: {{task}}',
})
