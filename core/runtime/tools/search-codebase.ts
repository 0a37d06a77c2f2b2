import { z } from 'zod'
import { deny, shown } from '../../boundary/denial.ts'
import { globProblem, matchesGlob } from '../../boundary/glob.ts'
import { invisibleNote } from '../../role/visible.ts'
import { type Context, denied, done, entry, failed } from './entry.ts'
import { filesUnder } from './list-files.ts'
import { longestLine, openRegexSearch } from './regex-search.ts'
import { isBinary, readableText, readLimit } from './text.ts'

export interface Hit {
  path: string
  /** From 1. */
  line: number
  text: string
}

const maxHits = 1000
const maxBytes = 256 * 1024 * 1024
const regexMs = 2000

export const searchCodebase = entry({
  description:
    'Finds lines in the files of the repository that contain a text. With regex: true the pattern is a JavaScript regular expression, matched line by line, at most 2 seconds.',
  input: z.strictObject({
    pattern: z.string().min(1).max(1000),
    path: z.string().optional().describe('File or folder to search in; default: everything'),
    glob: z.string().optional().describe('Only files whose whole path fits, such as src/**/*.ts'),
    regex: z
      .boolean()
      .default(false)
      .describe(`The pattern is a regular expression; it sees ${longestLine} characters of a line`),
    literal: z.boolean().optional().describe('The pattern is plain text; this is the default'),
    ignoreCase: z.boolean().default(false),
    limit: z.number().int().min(1).max(maxHits).default(100).describe('Most lines to give'),
  }),
  works: 'worktree',
  prepare: ({ pattern, path = '.', glob, regex, literal, ignoreCase, limit }, context) => ({
    uses: [{ kind: 'read', path }],
    async run() {
      if (regex && literal) return failed("'regex' and 'literal' exclude each other.")
      const problem = glob === undefined ? undefined : globProblem(glob)
      if (problem) return failed(`The glob '${glob}' is not taken: ${problem}.`)
      const files = (await filesUnder(path, context)).filter((file) => glob === undefined || matchesGlob([glob], file))
      const texts = readTexts(files, context)
      if (!regex) return report(await searchLiteral(texts, pattern, ignoreCase, limit), limit)
      const search = openRegexSearch(pattern, ignoreCase, regexMs)
      if ('problem' in search) return failed(`The pattern is not a regular expression: ${search.problem}`)
      try {
        const hits = await search.run(texts, limit, context.signal)
        if (hits === 'timeout' && context.signal.aborted) return failed('cancelled')
        if (hits === 'timeout') {
          return denied(
            deny('timeout', `The pattern took longer than ${regexMs} ms; use a simpler one, or plain text.`),
          )
        }
        return report(hits, limit)
      } finally {
        search.close()
      }
    },
  }),
})

/** File after file, giving way to others now and then. */
async function* readTexts(
  files: readonly string[],
  { tree, signal }: Pick<Context, 'tree' | 'signal'>,
): AsyncGenerator<{ path: string; text: string }> {
  let bytes = 0
  for (const [index, path] of files.entries()) {
    if (index % 64 === 63) await new Promise((resume) => setImmediate(resume))
    if (signal.aborted || bytes > maxBytes) return
    const file = tree.readPlain(path, readLimit)
    if (typeof file === 'string' || !file.allowed || isBinary(file.bytes)) continue
    bytes += file.bytes.length
    yield { path, text: readableText(file.bytes) }
  }
}

async function searchLiteral(
  texts: AsyncIterable<{ path: string; text: string }>,
  pattern: string,
  ignoreCase: boolean,
  limit: number,
): Promise<Hit[]> {
  const hits: Hit[] = []
  const needle = ignoreCase ? pattern.toLowerCase() : pattern
  for await (const { path, text } of texts) {
    if (!(ignoreCase ? text.toLowerCase() : text).includes(needle)) continue
    for (const [index, line] of text.split('\n').entries()) {
      if (!(ignoreCase ? line.toLowerCase() : line).includes(needle)) continue
      hits.push({ path, line: index + 1, text: line })
      if (hits.length > limit) return hits
    }
  }
  return hits
}

function report(hits: readonly Hit[], limit: number) {
  if (hits.length === 0) return done('No matches.')
  const given = hits.slice(0, limit)
  const lines = given.map(({ path, line, text }) => `${path}:${line}: ${clip(text)}`)
  const hidden = invisibleNote(given.map(({ text }) => clip(text)).join('\n'), (at) => {
    const { path, line } = given[at - 1]!
    return `${shown(path)}:${line}`
  })
  const note = hits.length > limit ? `\n[more than ${limit} matches; narrow the pattern or the path]` : ''
  return done(lines.join('\n') + note + (hidden && `\n[${hidden}]`))
}

function clip(line: string): string {
  const text = line.replace(/\r$/, '')
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}
