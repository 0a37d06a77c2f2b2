import { readdir, realpath } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import type { SourceFile } from '../../core/ports/loader.ts'
import { findConfig, readConfig } from './config-file.ts'

/** The files that define a band. Nothing of them has run. */
export interface FoundDefinitions {
  /** The repository's roles, `role:.agents/coder.ts`, and its configuration, `config`, where that is code. */
  own: SourceFile[]
  /** The roles that ship, `role:roles/coder.ts`. */
  builtin: SourceFile[]
  /** The person's own roles for every repository, `role:/home/ada/.agents/scribe.ts`. */
  user: SourceFile[]
  /** Tools that the repository brings, `tool:.agents/tools/jira.ts`. */
  tools: SourceFile[]
  config?: {
    /** Absolute path. */
    file: string
    /** What the file says, where it is data and not code. */
    data?: unknown
    /** What trust covers of it beside the bundle: '' for code. */
    text: string
  }
}

/** `builtin` is the folder of the roles that ship, `user` the person's own. A folder that is not there holds none. CB_CONFIG_READ. */
export async function findDefinitions(options: {
  root: string
  /** In the place of `.agents`. */
  agents?: string
  builtin: string
  user?: string
}): Promise<FoundDefinitions> {
  const { root, builtin, user, agents = join(options.root, '.agents') } = options
  const name = relative(root, agents)
  const config = await findConfig(root)
  const roles = await sourcesIn(agents, `role:${name}`, ['ts'])
  const found = {
    own: config?.kind === 'code' ? [...roles, { name: 'config', path: config.file }] : roles,
    user: user && user !== agents ? await sourcesIn(user, `role:${user}`, ['ts']) : [],
    builtin: await sourcesIn(builtin, `role:${basename(builtin)}`, ['ts', 'js']),
    tools: await sourcesIn(join(agents, 'tools'), `tool:${name}/tools`, ['ts']),
  }
  if (!config) return found
  if (config.kind === 'code') return { ...found, config: { file: config.file, text: '' } }
  const { value, text } = await readConfig(config)
  return { ...found, config: { file: config.file, data: value, text } }
}

/** The sources directly in a folder, without tests and declarations, sorted by name. */
async function sourcesIn(folder: string, prefix: string, extensions: readonly string[]): Promise<SourceFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
  const at = names.length > 0 ? await realpath(folder) : folder
  const isSource = (name: string) =>
    extensions.some((one) => name.endsWith(`.${one}`)) && !/^\.|\.(test|spec|d)\.\w+$/.test(name)
  return names
    .filter(isSource)
    .sort()
    .map((name) => ({ name: `${prefix}/${name}`, path: join(at, name) }))
}
