import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, parse, relative } from 'node:path'
import type { Bundle, Loader } from '../../core/ports/loader.ts'
import { host } from '../host.ts'
import { esbuildLoader } from '../loaders/esbuild.ts'
import { builtinRolesFolder, packageFolder } from '../package-folder.ts'
import type { Repository } from '../repository.ts'
import { placesOfConfig } from './config-file.ts'
import { findDefinitions } from './sources.ts'
import { trust } from './trust.ts'
import { readWarm, type WarmRecord } from './warm-record.ts'

/** The definitions of a repository, bundled; nothing of them has run. The roles that ship are a bundle of their own, so that a new
 *  codeband needs no new trust. */
export interface BundledDefinitions {
  /** What trust is given to: the repository's own files and all they import. */
  hash: string
  /** What a task keeps: the same, and the roles that ship. */
  definitions: string
  /** The repository's own definition files. */
  files: readonly string[]
  own: Bundle
  builtin: Bundle
  configFile: string | undefined
  configData: unknown
  /** What trust covers of the configuration beside the bundle: '' for code. */
  configText: string
  /** When they were looked for, in milliseconds of the epoch. */
  began: number
  /** The record they came from, where nothing had changed since it was written. */
  warm?: WarmRecord
  /** The folder of the role files, relative to the repository, where it is not `.agents`. */
  agents?: string
  /** Absolute paths of all that decided what these bundles are; undefined where that cannot be told. */
  paths: readonly string[] | undefined
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const hashOf = (own: string, configText: string): string => sha256(`${own}\n${configText}`)
const definitionsOf = (hash: string, builtin: string): string => sha256(`${hash}\n${builtin}`)

/** `agents`: a folder in the place of `.agents`. CB_CONFIG_READ. */
export async function bundleDefinitions(repository: Repository, agents?: string): Promise<BundledDefinitions> {
  const began = Date.now()
  if (agents !== undefined) return { ...(await coldDefinitions(repository, began, agents)), paths: undefined }
  return (await warmDefinitions(repository, began)) ?? coldDefinitions(repository, began)
}

async function coldDefinitions(
  { root }: Repository,
  began: number,
  agents = join(root, '.agents'),
): Promise<BundledDefinitions> {
  const user = join(host().homeFolder, '.agents')
  const shipped = builtinRolesFolder()
  const found = await findDefinitions({ root, agents, builtin: shipped, user })
  const own = await (await loaderFor(root)).bundle([...found.own, ...found.user, ...found.tools])
  const builtin = await (await loaderFor(packageFolder())).bundle(found.builtin)
  const { file, data, text: configText = '' } = found.config ?? {}
  const hash = hashOf(own.hash, configText)
  const definitions = definitionsOf(hash, builtin.hash)
  const code = [...found.own, ...found.tools].map(({ path }) => path)
  const inside = [...code, ...(file === undefined || data === undefined ? [] : [file])]
  const files = [...inside.map((path) => relative(root, path)), ...found.user.map(({ path }) => path)]
  const folders = [join(root, '.agents'), join(root, '.agents', 'tools'), user, shipped]
  const lookups = own.lookups && builtin.lookups && [...own.lookups, ...builtin.lookups]
  const paths = lookups && [...placesOfConfig(root), ...folders, ...own.inputs, ...builtin.inputs, ...lookups]
  const config = { configFile: file, configData: data, configText }
  return { hash, definitions, files, own, builtin, ...config, agents: relative(root, agents), began, paths }
}

/** The same as bundling now would give, from what was kept; undefined where anything has changed or the kept bundles are not whole. */
async function warmDefinitions({ root, home }: Repository, began: number): Promise<BundledDefinitions | undefined> {
  const warm = readWarm(root, home)
  if (warm === undefined) return undefined
  const { configFile, configData, configText, files } = warm
  const own = await keptBundle(home, warm.own)
  const builtin = await keptBundle(home, warm.builtin)
  if (own === undefined || builtin === undefined) return undefined
  const hash = hashOf(own.hash, configText)
  const definitions = definitionsOf(hash, builtin.hash)
  return { hash, definitions, files, own, builtin, configFile, configData, configText, began, warm, paths: warm.paths }
}

async function keptBundle(home: string, kept: Omit<Bundle, 'code'>): Promise<Bundle | undefined> {
  const code = await readFile(join(home, 'roles', `${kept.hash}.mjs`), 'utf8').catch(() => undefined)
  return code !== undefined && sha256(code) === kept.hash ? { ...kept, code } : undefined
}

export async function trustDefinitions({ home }: Repository, hash: string): Promise<void> {
  await trust(home, hash)
}

/** Keeps the bundles in `$CODEBAND_HOME/roles/<hash>.mjs`, and which of them belong together beside them. */
export async function keepDefinitions(
  { home }: Repository,
  { definitions, own, builtin, configFile, configData }: BundledDefinitions,
): Promise<void> {
  const folder = join(home, 'roles')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const bundle of [own, builtin]) await writeOnce(join(folder, `${bundle.hash}.mjs`), bundle.code)
  await writeOnce(
    join(folder, `${definitions}.json`),
    JSON.stringify({ own: own.hash, builtin: builtin.hash, configFile, configData }),
  )
}

/** What was kept under that hash, or undefined. A bundle that was altered since is refused by the loader. */
export async function keptDefinitions(
  { home }: Repository,
  definitions: string,
): Promise<BundledDefinitions | undefined> {
  const read = (name: string): Promise<string | undefined> =>
    readFile(join(home, 'roles', name), 'utf8').catch(() => undefined)
  const index = await read(`${definitions}.json`)
  if (index === undefined) return undefined
  const { own, builtin, configFile, configData } = JSON.parse(index) as {
    own: string
    builtin: string
    configFile?: string
    configData?: unknown
  }
  const codes = [await read(`${own}.mjs`), await read(`${builtin}.mjs`)]
  const [ownCode, builtinCode] = codes
  if (ownCode === undefined || builtinCode === undefined) return undefined
  const bundle = (hash: string, code: string): Bundle => ({ hash, code, inputs: [], diagnostics: [] })
  return {
    hash: '',
    definitions,
    files: [],
    own: bundle(own, ownCode),
    builtin: bundle(builtin, builtinCode),
    configFile,
    configData,
    configText: '',
    began: Date.now(),
    paths: undefined,
  }
}

async function writeOnce(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}

/** `shipped`: the values of the built-in bundle that belongs to what is run. A task that began with it keeps it, `codeband/roles` included. */
export async function loaderFor(root: string, shipped?: ReadonlyMap<string, unknown>): Promise<Loader> {
  // Here, and nowhere else, codeband looks at itself: role files get exactly these modules, each when one of them imports it.
  const modules = {
    codeband: () => import('../index.ts'),
    'codeband/roles': () => (shipped ? Promise.resolve(rolesByName(shipped)) : import('../roles.ts')),
    'codeband/claude': () => import('../frameworks/claude.ts'),
    'codeband/codex': () => import('../frameworks/codex.ts'),
    'codeband/scripted': () => import('../frameworks/scripted.ts'),
    'codeband/testing': () => import('../testing.ts'),
    zod: () => import('zod'),
    'zod/v4': () => import('zod/v4'),
  }
  return esbuildLoader({ root, modules })
}

/** `role:roles/file-picker.ts` as `filePicker`, the name that `codeband/roles` exports it by. */
function rolesByName(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const camelCase = (id: string): string => id.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries([...values].map(([name, role]) => [camelCase(parse(name).name), role]))
}
