import { defineRole, z } from 'codeband'

export default defineRole({
  id: 'planner',
  description: 'Turns a task into a plan of subtasks.',
  input: z.object({ task: z.string(), files: z.array(z.string()) }),
  produces: 'plan',
  reviewedBy: 'plan-reviewer',
  tools: ['list_files', 'search_codebase', 'read_files', 'git_log'],
  systemPrompt: `You plan; you do not write code. Read what the task touches, then cut it into the fewest subtasks that each make one coherent, testable change.
Each subtask says what must be true afterwards, names every file it may write (tests included; nothing else can be written), and the subtasks it builds on. Two subtasks never write the same file.
A plan for a small task has one subtask.`,
  userPrompt: 'Task: {{task}}\n\nFiles that may matter:\n{{files}}\n\n{{feedback}}',
})
