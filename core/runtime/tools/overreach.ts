import { type Denied, deny, shown } from '../../boundary/denial.ts'
import { refuseGit } from '../../boundary/git-arguments.ts'
import { decidePath } from '../../boundary/path.ts'

/** A key that no tool takes but that would widen the call if one did. The schema refuses every unknown key; this finds the words
 *  for the ones that are an attempt. */
export function refuseOverreach(
  tool: string,
  input: unknown,
  known: ReadonlySet<string>,
  root: string | undefined,
): Denied | undefined {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return undefined
  for (const [key, value] of Object.entries(input)) {
    if (known.has(key)) continue
    const rule = refuseKey(tool, key, value, root)
    if (rule) return rule
  }
  return undefined
}

function refuseKey(tool: string, key: string, value: unknown, root: string | undefined): Denied | undefined {
  const name = key.toLowerCase().replace(/[^a-z]/g, '')
  if (places.has(name) && typeof value === 'string') {
    const where = decidePath(value, 'read', root)
    if (!where.allowed) return where
  }
  if (name.startsWith('env')) return deny('env-not-allowed', `'${shown(key)}' is not taken: core sets the environment.`)
  if (tool.startsWith('git_') && Array.isArray(value) && value.every((word) => typeof word === 'string')) {
    const words = value[0] === 'git' ? value : ['git', tool.slice('git_'.length), ...value]
    const refused = refuseGit(words)
    return refused && deny(refused.code, refused.reason)
  }
  if (
    tool === 'spawn_roles' &&
    /^(additional|optional|allowed)?(tools|commands|grants|writes|spawnableroles)$/.test(name)
  ) {
    return deny('escalation', `'${shown(key)}' is not taken: a spawned role has what its own declaration grants.`)
  }
  if (tool === 'spawn_roles' && name.includes('depth')) {
    return deny('depth', `'${shown(key)}' is not taken: the depth of spawning is counted by core.`)
  }
  if (tool.startsWith('submit_') && /^(by|author|worker|reviewer|role|as|family|framework|model)$/.test(name)) {
    return deny('authz', `'${shown(key)}' is not taken: who submits follows from the worker, never from text.`)
  }
  return undefined
}

const places = new Set([
  'cwd',
  'root',
  'dir',
  'directory',
  'workdir',
  'worktree',
  'workingdirectory',
  'basedir',
  'home',
])
