import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import type { Diagnostic } from '../../core/role/diagnostic.ts'
import { type Token, tokensOf } from '../../core/role/source-tokens.ts'

/** What lies in `.agents` beside roles and tools. Only the texts are looked at; nothing runs. */
export interface AgentsFolder {
  /** Files that others import, relative to the repository: they need not be roles. */
  imported: ReadonlySet<string>
  /** Files with a default export, as far as their text tells. */
  withDefault: ReadonlySet<string>
  /** Code that nobody would ever load. */
  diagnostics: readonly Diagnostic[]
}

export const isCode = (name: string): boolean => /\.[cm]?[jt]sx?$/.test(name)
const isTestOrTypes = (name: string): boolean => /\.(test|spec|d)\.\w+$/.test(name)
/** Roles and tools. */
const isLoaded = (parts: readonly string[]): boolean =>
  /^(tools\/)?[^/.][^/]*\.ts$/.test(parts.join('/')) && !isTestOrTypes(parts.at(-1)!)
/** Folders of other things; `skills` are those of other programs, scripts included. */
const otherFolders = new Set(['node_modules', 'types', 'test', 'tests', '__tests__', 'skills'])
const maxBytes = 1024 * 1024

/** `inputs`: absolute paths of what the bundle of the definitions holds; `configFile` likewise. */
export async function lookIntoAgents(
  root: string,
  inputs: readonly string[],
  configFile: string | undefined,
  /** Of the role files, relative to the repository. */
  folder = '.agents',
): Promise<AgentsFolder> {
  const nameOf = (path: string): string => relative(root, path).split(sep).join(posix.sep)
  const diagnostics: Diagnostic[] = []
  const all = await codeIn(join(root, folder), async (path, message) => {
    diagnostics.push({ severity: 'warning', code: 'not-loaded', message, file: nameOf(path), line: 1, column: 1 })
  })
  const imported = new Set<string>()
  const withDefault = new Set<string>()
  const known = new Set(all)
  for (const path of [...all, ...inputs.filter((one) => !known.has(one)), ...(configFile ? [configFile] : [])]) {
    if (path.includes(`${sep}node_modules${sep}`)) continue
    const source = await textOf(path)
    if (source === undefined) continue
    const tokens = tokensOf(source)
    if (hasDefault(tokens)) withDefault.add(nameOf(path))
    for (const specifier of importsIn(tokens)) {
      const target = resolved(path, specifier, known)
      if (target !== undefined && target !== path) imported.add(nameOf(target))
    }
  }
  for (const path of all) {
    const file = nameOf(path)
    const parts = relative(join(root, folder), path).split(sep)
    const elsewhere = parts.slice(0, -1).some((part) => otherFolders.has(part) || part.startsWith('.'))
    if (isLoaded(parts) || elsewhere || isTestOrTypes(file) || imported.has(file) || inputs.includes(path)) continue
    diagnostics.push({ severity: 'warning', code: 'not-loaded', message: whyNot(parts), file, line: 1, column: 1 })
  }
  return { imported, withDefault, diagnostics: diagnostics.sort((a, b) => (a.file! < b.file! ? -1 : 1)) }
}

function whyNot(parts: readonly string[]): string {
  const name = parts.at(-1)!
  const where = "roles are read from '.agents/*.ts' and tools from '.agents/tools/*.ts'"
  if (parts.length > 2 || (parts.length === 2 && parts[0] !== 'tools')) {
    return `this file is not loaded, and nothing imports it: ${where}`
  }
  const why = name.startsWith('.') ? 'its name begins with a dot' : `its name does not end in '.ts'`
  return `this file is not loaded, and nothing imports it: ${why}, and ${where}`
}

/** Absolute paths of the code below a folder, `node_modules` left out, sorted. */
async function codeIn(folder: string, tell: (path: string, message: string) => Promise<void>): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') await tell(folder, 'this is no folder, so no role is read from it')
    else if (error.code !== 'ENOENT') throw error
    return []
  })
  const found: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') found.push(...(await codeIn(path, tell)))
    } else if (isCode(entry.name) && !/^\.[#_]/.test(entry.name)) found.push(path)
    else if (entry.isSymbolicLink() && entry.name !== 'tools' && !otherFolders.has(entry.name)) {
      const target = await stat(path).catch(() => undefined)
      if (target?.isDirectory()) await tell(path, 'this is a link to a folder, which is not looked into')
    }
  }
  return found
}

async function textOf(path: string): Promise<string | undefined> {
  // What cannot be read has its diagnostic from bundling.
  const size = await stat(path).catch(() => undefined)
  return size?.isFile() && size.size <= maxBytes ? readFile(path, 'utf8').catch(() => undefined) : undefined
}

/** Relative specifiers, type imports included. */
function importsIn(tokens: readonly Token[]): string[] {
  return tokens.flatMap(({ kind, value }, at) => {
    if (kind !== 'string' || !value.startsWith('.')) return []
    const before = tokens[at - 1]?.value
    const called = before === '(' && /^(import|require)$/.test(tokens[at - 2]?.value ?? '')
    return called || before === 'from' || before === 'import' ? [value] : []
  })
}

function hasDefault(tokens: readonly Token[]): boolean {
  return tokens.some(
    ({ kind, value }, at) =>
      kind === 'name' && value === 'default' && /^(export|as)$/.test(tokens[at - 1]?.value ?? ''),
  )
}

/** The file behind a specifier as TypeScript and bundlers find it: as it stands, with an ending, or as a folder. */
function resolved(from: string, specifier: string, known: ReadonlySet<string>): string | undefined {
  const path = resolve(dirname(from), specifier)
  const bare = path.replace(/\.([cm]?)js(x?)$/, '.$1ts$2')
  const endings = ['ts', 'tsx', 'mts', 'cts', 'js', 'mjs', 'cjs', 'jsx']
  const candidates = [
    path,
    bare,
    ...endings.map((one) => `${path}.${one}`),
    ...endings.map((one) => join(path, `index.${one}`)),
  ]
  return candidates.find((one) => known.has(one))
}
