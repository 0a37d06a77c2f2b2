import { chmod, copyFile, mkdir, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configToml, environmentsToml, type ProviderValues } from './config.ts'

/** Where a worker's client lives; everything under the worker's private home. */
export interface CodexHome {
  /** CODEX_HOME. Not under TMPDIR: the client refuses to work properly there. */
  root: string
  /** An empty folder: working directory of the thread and the whole PATH of the client. It needs neither the worktree (our tools
   *  know it) nor any program, so it meets neither a repository's configuration nor a `git` that obeys one. */
  desk: string
  tmp: string
}

export interface HomeValues {
  home: string
  cwd: string
  model?: string
  /** Text of the model catalogue. */
  catalogue: string
  provider?: ProviderValues
  /** auth.json of the person, where there is no key. */
  authFile?: string
}

export async function openHome(home: string): Promise<CodexHome> {
  const root = join(await realpath(home), 'codex')
  const places = { root, desk: join(root, 'desk'), tmp: join(root, '..', 'codex-tmp') }
  for (const folder of Object.values(places)) await mkdir(folder, { recursive: true, mode: 0o700 })
  return places
}

export async function furnish({ root, desk }: CodexHome, values: HomeValues): Promise<void> {
  const catalogue = join(root, 'models.json')
  const { model, provider } = values
  // Not where we work, yet named: should the client ever come to look at the worktree, it must not obey what lies there.
  const untrusted = [...new Set([desk, values.cwd, await realpath(values.cwd)])]
  const files = {
    'models.json': values.catalogue,
    'environments.toml': environmentsToml,
    'config.toml': configToml({
      catalogue,
      untrusted,
      ...(model !== undefined && { model }),
      ...(provider && { provider }),
    }),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content, { mode: 0o600 })
  if (values.authFile !== undefined && !provider) await copyLogin(values.authFile, join(root, 'auth.json'))
}

/** The client refreshes its own copy, so an older original must not come back over it. */
async function copyLogin(from: string, to: string): Promise<void> {
  const [original, copy] = await Promise.all([stat(from), stat(to).catch(() => undefined)])
  if (copy && copy.mtimeMs >= original.mtimeMs) return
  await copyFile(from, to)
  await chmod(to, 0o600)
}
