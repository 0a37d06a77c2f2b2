import { readdir, readFile } from 'node:fs/promises'
import { join, posix, sep } from 'node:path'
import { packageFolder } from '../../package-folder.ts'
import { typesFolder } from './project-types.ts'

/** Example to its files in this package's own `.agents/`. */
const examples = {
  committer: /^(committer|coder)\.ts$/,
  jira: /^(jira-agent\.ts|jira\/.+\.ts|tools\/jira-.+\.ts)$/,
} as const

const guides = { committer: '03-committer', jira: '04-jira' } as const

export type Example = keyof typeof examples
export const exampleNames = Object.keys(examples) as Example[]

/** The files of an example as a project gets them: path to text. Empty where this package came without it. */
export async function exampleFiles(example: Example): Promise<Record<string, string>> {
  const folder = join(packageFolder(), '.agents')
  const names = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const mine = names
    .map((name) => name.split(sep).join(posix.sep))
    .filter((name) => examples[example].test(name) && !/\.(test|spec|d)\.ts$/.test(name))
    .sort()
  const texts = mine.map(async (name) => {
    const file = `.agents/${name}`
    return [file, withTypes(file, await readFile(join(folder, name), 'utf8'))] as const
  })
  return Object.fromEntries(await Promise.all(texts))
}

/** Where this package tells how the example works. */
export function exampleGuide(example: Example): string {
  return join(packageFolder(), 'examples', guides[example], 'README.md')
}

/** The line by which an editor finds the types of a file. */
export function typesReference(file: string): string {
  const path = posix.relative(posix.dirname(file), `${typesFolder}/codeband.d.ts`)
  return `/// <reference path="${path.startsWith('../') ? path : `./${path}`}" />\n`
}

function withTypes(file: string, text: string): string {
  return /from '(codeband|zod)/.test(text) && !text.includes('<reference path')
    ? `${typesReference(file)}${text}`
    : text
}
