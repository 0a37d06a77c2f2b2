import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { compileBoundary } from '../../../core/boundary/boundary.ts'
import { decideCommand } from '../../../core/boundary/command.ts'
import { decidePath } from '../../../core/boundary/path.ts'
import type { Mutant } from './mutants.ts'
import { type Room, roles, textAt } from './room.ts'

/** A rule that a mutant broke. */
export interface Fault {
  readonly rule: string
  readonly detail: string
}

export interface Trial {
  readonly fault: Fault | undefined
  /** The code of the denial, 'allowed', or 'failed': understood, but not to be done. */
  readonly answer: string
  /** Milliseconds of the processor that the decision took, whatever else the machine does. */
  readonly ms: number
}

/** Sends one mutant through the real toolbox of the room, and looks with eyes of its own at what came of it. */
export async function tried(room: Room, mutant: Mutant): Promise<Trial> {
  const bench = room.benches.get(mutant.role)!
  const words = { ROOT: room.root, CANARY: join(room.top, 'outside', 'canary') }
  const { tool } = mutant
  // Asked for twice, since one may answer differently each time.
  const input = mutant.input(words)
  const fresh = mutant.input(words)
  const began = process.cpuUsage()
  const decided = await bench.box.decide(tool, fresh)
  const { user, system } = process.cpuUsage(began)
  const ms = (user + system) / 1000
  const asked = room.changed()
  const { ok, output, denied } = await bench.call(tool, input)
  const changed = room.changed()
  const answer = denied?.code ?? (ok ? 'allowed' : 'failed')
  const fault = first([
    () => asked.length > 0 && broken('a decision has no effect', asked.join(', ')),
    () => /could not be decided/.test(reasonOf(decided)) && broken('the gate never throws', reasonOf(decided)),
    () => output.startsWith(`${tool} failed: `) && broken('no tool breaks', output),
    () => leaked(room, output + reasonOf(decided)),
    () => denied && decided.allowed && !late.has(denied.code) && broken('decide says what call says', denied.reason),
    () => !decided.allowed && !denied && broken('decide says what call says', `${decided.code}: ${decided.reason}`),
    () => !ok && changed.length > 0 && broken('a call that is not done does nothing', `${output}: ${changed}`),
    () => effects(room, mutant, changed),
    () => commandsOf(room, mutant),
    () => fetchedFrom(room),
    () => toldOf(room, mutant),
    () => pure(input, room.root),
  ])
  return { fault, answer, ms }
}

const late = new Set(['timeout'])
const broken = (rule: string, detail: string): Fault => ({ rule, detail: detail.slice(0, 600) })
const reasonOf = (decision: { allowed: boolean; reason?: string }): string => decision.reason ?? ''

function first(checks: readonly (() => Fault | false | undefined)[]): Fault | undefined {
  for (const check of checks) {
    const fault = check()
    if (fault) return fault
  }
  return undefined
}

function leaked({ secrets }: Room, text: string): Fault | undefined {
  if (text.includes(secrets.outside)) return broken('nothing outside the worktree is read', text)
  return text.includes(secrets.git) ? broken('nothing in .git is read', text) : undefined
}

const ignorable = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu

/** What some file system may take a name for. Written anew, without a look at the gate's own. */
const plain = (name: string): string =>
  name
    .replace(ignorable, '')
    .normalize('NFKC')
    .toLowerCase()
    .split(':')[0]!
    .replace(/[\s.]+$/, '')

const guarded =
  /^(\.git|\.agents|\.claude|\.codex|\.mcp\.json|\.npmrc|\.gitattributes|\.gitmodules|\.envrc|\.vscode|\.husky)$|^codeband\.config(\.|$)|^git~\d|^jenkinsfile$/
const guardedAtTop = /^\.(github|gitlab|gitlab-ci\.yml|circleci|buildkite|ci|travis\.yml|drone\.yml)$/

function effects(room: Room, { tool, role }: Mutant, changed: readonly string[]): Fault | undefined {
  if (changed.length > 0 && !['write_file', 'apply_diff', 'delete_file'].includes(tool)) {
    return broken('only file tools change files', `${tool}: ${changed}`)
  }
  for (const path of changed) {
    const inside = relative(room.root, path)
    if (inside === '..' || inside.startsWith(`..${sep}`)) return broken('nothing outside changes', path)
    const names = inside.split(sep).map(plain)
    if (names.some((name) => guarded.test(name)) || guardedAtTop.test(names[0]!)) {
      return broken('no protected file changes', inside)
    }
    if (role === 'code-reviewer' || role === 'planner') return broken('a reader changes nothing', inside)
    if (role === 'narrow' && !/^src\/|^docs\/[^/]*\.md$|^(src|docs)$/.test(inside)) {
      return broken('only what may be written is', inside)
    }
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (!stat) continue
    if (!stat.isFile() && !stat.isDirectory()) return broken('only regular files are made', inside)
    if (stat.isFile() && (stat.mode & 0o111) !== 0) return broken('no file becomes executable', inside)
    if (realpathSync(dirname(path)) !== dirname(path)) return broken('no link is followed', inside)
    if (/^\.codeband-/.test(basename(path))) return broken('nothing is left over', inside)
    const twin = neighbours(path).find((name) => name !== basename(path) && plain(name) === plain(basename(path)))
    if (twin !== undefined) return broken('no two names are one elsewhere', `${inside} beside ${twin}`)
    for (let folder = dirname(path); folder !== room.root; folder = dirname(folder)) {
      const there = new Set(neighbours(join(folder, 'x')).map(plain))
      if (['head', 'objects', 'refs'].every((name) => there.has(name))) {
        return broken('no folder becomes a repository', relative(room.root, folder))
      }
    }
    if (plain(basename(path)) === 'package.json' && configures(textAt(path) ?? '')) {
      return broken('no package.json configures codeband', inside)
    }
  }
  return undefined
}

const neighbours = (path: string): string[] => readdirSync(dirname(path))

function configures(text: string): boolean {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // What is not JSON configures nothing, until it is.
    return true
  }
  return typeof value === 'object' && value !== null && 'codeband' in value
}

function commandsOf({ ran }: Room, { role, tool }: Mutant): Fault | undefined {
  const granted = roles
    .find(({ id }) => id === role)
    ?.tools?.find((one) => typeof one !== 'string' && one.name === tool)
  const { allowedCommands = [] } = typeof granted === 'object' ? granted : {}
  for (const argv of ran) {
    const same = allowedCommands.some((one) => Buffer.from(`${one}`).equals(Buffer.from(argv.join(' '))))
    if (!same || argv.some((word) => word.includes(' '))) {
      return broken('only granted commands run, byte for byte', JSON.stringify(argv))
    }
  }
  return undefined
}

/** Read as whatever fetches reads it. */
function fetchedFrom({ fetched }: Room): Fault | undefined {
  const away = fetched.find((url) => {
    const { hostname, port, protocol } = new URL(url)
    return protocol !== 'https:' || !['example.com:', 'localhost:8443'].includes(`${hostname}:${port}`)
  })
  return away === undefined ? undefined : broken('only granted hosts are asked', away)
}

function toldOf({ benches }: Room, { role, tool }: Mutant): Fault | undefined {
  const { told } = benches.get(role)!
  const strange = told.spawned.find(([spawned]) => spawned !== 'file-picker')
  if (strange) return broken('only declared roles are spawned', JSON.stringify(strange))
  if (told.spawned.length > 0 && tool !== 'spawn_roles') return broken('only spawn_roles spawns', tool)
  const kinds: Record<string, string> = { submit_plan: 'plan', submit_verdict: 'verdict' }
  const submitted = told.submitted.find(([kind]) => kinds[tool] !== kind)
  return submitted && broken('only submit tools submit', JSON.stringify(submitted))
}

const compiled = compileBoundary(roles[0]!, { worker: 'coder-x-0', input: {} })
if ('problems' in compiled) throw new Error(compiled.problems.join())
const grant = compiled.boundary.grants.get('run_tests')!

/** Every text of an input as a path and as a command, whatever it was meant for. */
function pure(input: unknown, root: string): Fault | undefined {
  for (const text of textsOf(input)) {
    for (const access of ['read', 'write'] as const) {
      const spelled = decidePath(text, access, root)
      if (!spelled.allowed) continue
      const { path } = spelled
      const real = resolve(root, path)
      if (real !== root && !real.startsWith(root + sep)) return broken('an accepted path is inside', path)
      if (text.startsWith('/') ? resolve(text) !== real : resolve(root, text) !== real) {
        return broken('an accepted path is the one that was sent', `${text} -> ${path}`)
      }
      if (path === '') continue
      const again = decidePath(path, access, root)
      if (!again.allowed || again.path !== path) return broken('a decided path is decided the same again', path)
    }
    const decision = decideCommand(grant, { command: text })
    if (decision.allowed && text.split(' ').filter(Boolean).join(' ') !== 'npm test') {
      return broken('an accepted command is a granted one', text)
    }
    if (decision.allowed && decision.argv !== grant.commands[0]) return broken('the granted words run', text)
  }
  return undefined
}

function textsOf(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return value.length > 20_000 ? [] : [value]
  if (value === null || typeof value !== 'object' || depth > 4) return []
  if (Array.isArray(value) && value.length > 2000) return []
  if (Object.values(Object.getOwnPropertyDescriptors(value)).some(({ get }) => get)) return []
  return Object.values(value)
    .slice(0, 50)
    .flatMap((one) => textsOf(one, depth + 1))
}
