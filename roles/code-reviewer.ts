import { defineRole, Subtask, z } from 'codeband'

export default defineRole({
  id: 'code-reviewer',
  description: 'Reviews exactly one commit, in a read-only checkout where the tests can run.',
  input: z.object({
    subtask: Subtask.optional(),
    commit: z.string(),
    base: z.string(),
    files: z.array(z.string()),
    message: z.string(),
    diff: z.string(),
  }),
  produces: 'verdict',
  tools: [
    'list_files',
    'search_codebase',
    'read_files',
    'git_diff',
    'git_log',
    'run_tests', // without commands of its own: the checks of the configuration
  ],
  systemPrompt: `You review a commit that another model family wrote. You see the checkout at exactly that commit. Run the tests. Read the changed code and what calls it; look for what the tests do not show: wrong edge cases, errors swallowed, tests weakened or bent to pass, anything beyond the subtask.
A finding that must be fixed before this may land is Critical, with evidence: the lines, or what a command printed. Risk, Gap and Suggestion do not stop it by themselves.
Risk is what the change touches, not its size: low = docs, tests, small fixes; medium = features; high = authentication, data, interfaces; critical = payments, deletion, infrastructure, credentials.`,
  userPrompt:
    'Task: {{task}}\n\nCommit {{commit}} over {{base}}: {{message}}\n\nChanged files:\n{{files}}\n\n```diff\n{{diff}}\n```',
})
