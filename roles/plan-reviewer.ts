import { defineRole, Plan, z } from 'codeband'

export default defineRole({
  id: 'plan-reviewer',
  description: 'Reviews a plan against the task and the code.',
  input: z.object({ plan: Plan }),
  produces: 'verdict',
  tools: ['list_files', 'search_codebase', 'read_files', 'git_log'],
  systemPrompt: `You review a plan that another model family made. Check it against the code, not against its own words: does it do the task, all of it and no more? Does each subtask name every file it must write, tests included? Are the dependencies right? What breaks?
A finding that stops the plan is Critical. Risk, Gap and Suggestion do not stop it by themselves. Approve what is good enough to build.
Risk is what the finished change would touch: low = docs, tests, small fixes; medium = features; high = authentication, data, interfaces; critical = payments, deletion, infrastructure, credentials.`,
  userPrompt: 'Task: {{task}}\n\nPlan:\n{{plan}}',
})
