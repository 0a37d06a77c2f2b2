import { hash, randomUUID } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Diagnostic } from '../../core/role/diagnostic.ts'
import { version } from '../../core/version.ts'
import { host } from '../host.ts'
import { packageFolder } from '../package-folder.ts'
import type { RoleSummary } from './role-summary.ts'
import { lastLeft, look } from './witnesses.ts'

/** What `codeband roles` shows, as it was when nothing had changed since. */
export interface Listing {
  roles: readonly RoleSummary[]
  diagnostics: readonly Diagnostic[]
}

/** What the last load of trusted definitions came to: enough to do without bundling while nothing that played a part has changed.
 *  It is a memory of facts that are checked before each use, and is never believed about trust. */
export interface WarmRecord {
  /** What trust is given to. */
  hash: string
  definitions: string
  files: readonly string[]
  own: KeptBundle
  builtin: KeptBundle
  configFile?: string | undefined
  configData?: unknown
  /** What trust covers of the configuration beside the bundle. */
  configText: string
  /** Absolute paths of all that decided what the bundles are. */
  paths: readonly string[]
  /** What git said it depends on, where the repository was found by its files; see `gitFacts`. */
  git?: string | undefined
  /** Absent: not known yet. null: the definitions look at the world, so that running them is the only way to know. */
  listing?: Listing | null | undefined
}

/** A bundle whose code lies in `$CODEBAND_HOME/roles/<hash>.mjs`. */
export interface KeptBundle {
  hash: string
  inputs: readonly string[]
  diagnostics: readonly Diagnostic[]
}

/** Milliseconds for which a change counts as not over: as coarse as the clock of any file system. */
const settled = 2_000

interface Kept {
  key: string
  paths: readonly string[]
  digest: string
  record: WarmRecord
}

const fileIn = (home: string): string => join(home, 'roles', 'warm.json')

/** The record, if everything it came from is as it was. A file that is damaged, that others could have written, or that another
 *  codeband or Node wrote gives none. */
export function readWarm(root: string, home: string): WarmRecord | undefined {
  const kept = readKept(fileIn(home))
  if (kept === undefined || kept.key !== keyOf(root)) return undefined
  return look(kept.paths)?.digest === kept.digest ? kept.record : undefined
}

/** Keeps the record for what lies at the paths now, if none of them has changed since `began` (milliseconds of the epoch) or shortly
 *  before: such a change might not have been seen by whoever made the record. Best effort: without it the next load is a cold one. */
export function writeWarm(
  root: string,
  home: string,
  { paths, began, record }: { paths: readonly string[]; began: number; record: WarmRecord },
): void {
  const seen = look(paths)
  if (seen === undefined) return
  // What was there until a moment ago may have played a part; it leaves its mark on the folder it was taken from.
  const left = seen.missing.map((path) => lastLeft(root, path))
  if (Math.max(seen.changed, ...left) > began - settled) return
  const text = JSON.stringify({ key: keyOf(root), paths, digest: seen.digest, record } satisfies Kept)
  const file = fileIn(home)
  const draft = `${file}.${randomUUID()}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(draft, `${hash('sha256', text)}\n${text}`, { mode: 0o600 })
    renameSync(draft, file)
  } catch {
    // No room or no right to write there: whatever the command is for goes on without.
    rmSync(draft, { force: true })
  }
}

function readKept(file: string): Kept | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const { mode, uid } = fstatSync(descriptor)
    if ((mode & 0o022) !== 0 || uid !== (process.getuid?.() ?? uid)) return undefined
    const whole = readFileSync(descriptor, 'utf8')
    const end = whole.indexOf('\n')
    const text = whole.slice(end + 1)
    return hash('sha256', text) === whole.slice(0, end) ? (JSON.parse(text) as Kept) : undefined
  } catch {
    // Not there or not to be read.
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Everything beside files that plays a part. */
function keyOf(root: string): string {
  const { env, homeFolder } = host()
  return JSON.stringify([root, homeFolder, env.NODE_PATH ?? '', version, process.version, thisCodeband()])
}

/** Tells one codeband from another of the same version: by one built file, or, where it runs from its sources, by all of them. */
function thisCodeband(): readonly unknown[] {
  const own = fileURLToPath(import.meta.url)
  if (!own.endsWith('.ts')) return factsOf(own)
  return ['adapters', 'core', 'roles'].flatMap((folder) => {
    const names = readdirSync(join(packageFolder(), folder), { recursive: true, encoding: 'utf8' })
    return names.sort().flatMap((name) => (name.endsWith('.ts') ? factsOf(join(packageFolder(), folder, name)) : []))
  })
}

function factsOf(path: string): readonly unknown[] {
  const { ino, size, mtimeMs } = statSync(path)
  return [path, ino, size, mtimeMs]
}
