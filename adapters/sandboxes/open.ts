import { stat } from 'node:fs/promises'
import { release } from 'node:os'
import { CodebandError } from '../../core/errors.ts'
import type { CommandLimits, Sandbox } from '../../core/ports/sandbox.ts'
import { version } from '../../core/version.ts'
import { type Host, host } from '../host.ts'
import { wayOut } from '../network/way-out.ts'
import { type Bubblewrap, bubblewrap, findBubblewrap } from './bubblewrap.ts'
import { none } from './none.ts'
import { type SelfTest, selfTest, type Wall } from './self-test.ts'

export type SandboxMode = 'required' | 'if-available' | 'off'

/** What this machine has, and what came of trying to get out of it. */
export type Found =
  | { works: Bubblewrap; walls: readonly Wall[] }
  | { program: string; leaks: readonly Wall[]; walls: readonly Wall[] }
  | { missing: string; cure: string }

/** The strongest sandbox this machine has, proved by trying to get out of it. `places` are the folders that may hold bwrap; the PATH
 *  has no say. Commands with hosts go out as `env` says, the environment of this machine. When `required`: CB_SANDBOX_MISSING without one, CB_SANDBOX_LEAKS for one that does not hold. */
export async function openSandbox(
  mode: SandboxMode,
  limits: CommandLimits,
  places?: readonly string[],
  { env }: Pick<Host, 'env'> = host(),
): Promise<Sandbox> {
  if (mode === 'off') return none(limits, env)
  const found = await findSandbox(places)
  if ('works' in found) return bubblewrap(found.works, limits, wayOut({ env }))
  if (mode === 'if-available') return none(limits, env)
  if ('missing' in found) throw new CodebandError('CB_SANDBOX_MISSING', { detail: found.missing, cure: found.cure })
  const detail = found.leaks.map((wall) => `${wall.found} (${wall.name})`).join('; ')
  throw new CodebandError('CB_SANDBOX_LEAKS', { program: found.program, detail })
}

/** Looks for bubblewrap and tries to get out of it, once in the life of a process for the same program, kernel and user. */
export async function findSandbox(places?: readonly string[]): Promise<Found> {
  if (process.platform !== 'linux') {
    const cure = 'Run codeband on Linux (on Windows: in WSL)'
    return { missing: `does not exist for ${process.platform}`, cure }
  }
  const installed = await findBubblewrap(places)
  if ('missing' in installed) {
    const [what, name] =
      installed.missing === 'bubblewrap' ? ['was', 'bubblewrap'] : ['needs util-linux, which was', 'util-linux']
    return { missing: `${what} not found`, cure: `Install it (Debian: \`apt install ${name}\`)` }
  }
  const { ino, size, mtimeMs } = await stat(installed.program)
  const key = [installed.program, ino, size, mtimeMs, release(), process.geteuid?.(), version].join(' ')
  const proof = proved.get(key) ?? prove(installed)
  proved.set(key, proof)
  return proof
}

/** By what the proof depends on. */
const proved = new Map<string, Promise<Found>>()

async function prove(installed: Bubblewrap): Promise<Found> {
  // A limit far from anything that a probe does.
  const limits: CommandLimits = { memoryMb: 4096, processes: 1000, fileMb: 10, freeMb: 0 }
  let last: SelfTest | undefined
  for (const throwAway of [installed.throwAway, 'copy'] as const) {
    const works = { ...installed, throwAway }
    last = await selfTest(await bubblewrap(works, limits))
    if ('walls' in last && last.walls.every(({ holds }) => holds)) return { works, walls: last.walls }
  }
  if (last && 'walls' in last) {
    return { program: installed.program, walls: last.walls, leaks: last.walls.filter(({ holds }) => !holds) }
  }
  const namespaces = /namespace|uid map|Operation not permitted|Permission denied/i.test(last?.unusable ?? '')
  return {
    missing: `cannot run a command here: ${last?.unusable}`,
    cure: namespaces
      ? 'Allow user namespaces (in a container: let it make them; Ubuntu: an AppArmor profile for bwrap, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`)'
      : 'Install a bubblewrap that works (Debian: `apt install bubblewrap`)',
  }
}
