import { z } from 'zod'
import { globProblem, matchesGlob } from '../../boundary/glob.ts'
import { decidePath, decideScope } from '../../boundary/path.ts'
import { type Context, done, entry, failed } from './entry.ts'

const maxListed = 5000

export const listFiles = entry({
  description:
    'Lists the files of the repository: tracked ones, and new ones that are not ignored. Narrow it with a folder or a glob such as src/**/*.ts.',
  input: z.strictObject({
    path: z.string().optional().describe('Folder, relative to the repository; default: all of it'),
    glob: z.string().optional().describe('Whole-path glob: ** spans folders, * and ? stay inside one, {a,b} is either'),
    limit: z.number().int().min(1).max(maxListed).default(1000).describe('Most paths to give'),
  }),
  works: 'worktree',
  prepare: ({ path = '.', glob, limit }, context) => ({
    uses: [{ kind: 'read', path }],
    async run() {
      const problem = glob === undefined ? undefined : globProblem(glob)
      if (problem) return failed(`The glob '${glob}' is not taken: ${problem}.`)
      const files = await filesUnder(path, context)
      const found = glob === undefined ? files : files.filter((file) => matchesGlob([glob], file))
      if (found.length === 0) return done('No files.')
      const rest = found.length - limit
      const note =
        rest > 0 ? `\n[${rest} more; narrow it with path or glob, or raise limit to at most ${maxListed}]` : ''
      return done(found.slice(0, limit).join('\n') + note)
    },
  }),
})

/** Every file of the worktree at or under `path` that the grant shows. */
export async function filesUnder(path: string, { scene, grant }: Context): Promise<readonly string[]> {
  const { worktree, boundary } = scene
  const spelled = decidePath(path, 'read', worktree!.path)
  if (!spelled.allowed) return []
  const within = (file: string) => spelled.path === '' || file === spelled.path || file.startsWith(`${spelled.path}/`)
  const files = (await worktree!.files()).filter((file) => within(file) && decidePath(file, 'read').allowed)
  return grant.paths === undefined
    ? files
    : files.filter((file) => decideScope(boundary, grant.name, file, 'read').allowed)
}
