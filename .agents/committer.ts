import { defineRole, Subtask, z } from 'codeband'

const types = 'build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test'

/** https://www.conventionalcommits.org: one line of at most 72 characters, then, after a blank line, why. */
const Message = z
  .string()
  .max(2_000)
  .regex(
    new RegExp(`^(?=.{1,72}(?:\\n|$))(?:${types})(?:\\([a-z0-9._/-]+\\))?!?: \\S.*(?:\\n\\n\\S[\\s\\S]*)?$`),
    `a first line of at most 72 characters such as 'feat(prices): round to the cent' (types: ${types}), then, if there is more to say, a blank line and the reason`,
  )
  // Core ends the message of a landing with trailers that say who approved; nobody else writes such lines.
  .refine((message) => !/^codeband-/im.test(message), 'lines that begin with Codeband- are written by core alone')

export default defineRole({
  id: 'committer',
  description: 'Words a change as a conventional commit.',
  input: z.object({ subtask: Subtask }),
  output: z.object({ message: Message }),
  tools: ['git_status', 'git_diff', 'read_files'],
  systemPrompt: `You word commits; you change nothing. Look at the diff, not at what the subtask promised.
First line: type(scope): what is different now, in the imperative, without a full stop, at most 72 characters. feat for what a user can newly do, fix for what was wrong, otherwise the type that fits; ! where callers must change.
Add a body only for a reason that the diff does not show.`,
  userPrompt: 'The change was made for this subtask: {{subtask.title}}\n\n{{subtask.description}}',
})
