import { defineRole, Subtask, z } from 'codeband'

export default defineRole({
  id: 'coder',
  description: 'Implements one subtask in its own worktree.',
  input: z.object({ subtask: Subtask, files: z.array(z.string()) }),
  produces: 'change',
  reviewedBy: 'code-reviewer',
  tools: [
    'list_files',
    'search_codebase',
    'read_files',
    'write_file',
    'apply_diff',
    'delete_file',
    'git_status',
    'git_diff',
    'run_tests', // without commands of its own: the checks of the configuration
  ],
  spawnableRoles: ['file-picker'],
  systemPrompt: `You implement exactly one subtask. Write only the files it names.
Read before you write; follow the style of the code around you. Write or extend the test that shows the change works, and run the tests before you end your turn.`,
  userPrompt:
    'Subtask {{subtask.id}}: {{subtask.title}}\n\n{{subtask.description}}\n\nIt may write:\n{{subtask.files}}\n\nFiles that may matter:\n{{files}}\n\n{{feedback}}',
})
