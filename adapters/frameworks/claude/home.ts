import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Access } from './access.ts'

/** Where the client keeps its things, all in the worker's private home. */
export interface ClaudeHome {
  /** CLAUDE_CONFIG_DIR: conversations lie here. */
  config: string
  /** Its working directory. Empty, so that nothing of a repository can configure it and its own look around finds nothing. */
  desk: string
  temp: string
}

export async function openHome(home: string): Promise<ClaudeHome> {
  const places = { config: join(home, 'claude'), desk: join(home, 'claude-desk'), temp: join(home, 'tmp') }
  for (const place of Object.values(places)) await mkdir(place, { recursive: true, mode: 0o700 })
  return places
}

export const isSessionId = (token: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(token)

/** A session without a record never had a turn: there is nothing to go on from. */
export async function hasConversation({ config }: ClaudeHome, token: string): Promise<boolean> {
  if (!isSessionId(token)) return false
  const records = await readdir(join(config, 'projects'), { recursive: true }).catch(() => [])
  return records.some((file) => file.endsWith(`${token}.jsonl`))
}

export interface EnvParts {
  /** The environment the session was given. */
  given: Readonly<Record<string, string>>
  home: string
  places: ClaudeHome
  access: Pick<Access, 'variables' | 'more'>
  retries: number
}

/** Makes the client run without hooks. */
const hookless = 'CLAUDE_CODE_SIMPLE'

/** The client's whole environment. Of what was given, its own variables do not count: they hold keys, or switch things on. */
export function clientEnv({ given, home, places, access, retries }: EnvParts): Record<string, string> {
  const own = (name: string) => /^_?(CLAUDE|ANTHROPIC|MCP_|NODE_|BUN_)/.test(name)
  return {
    ...Object.fromEntries(Object.entries(given).filter(([name]) => !own(name))),
    CLAUDE_CODE_MAX_RETRIES: String(retries),
    ...Object.fromEntries(Object.entries(access.more).filter(([name]) => name !== hookless)),
    ...access.variables,
    HOME: home,
    TMPDIR: places.temp,
    CLAUDE_CONFIG_DIR: places.config,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    // A result that is cut goes into a file that no tool of ours could read; our tools bound their results themselves.
    MAX_MCP_OUTPUT_TOKENS: '500000',
    // Milliseconds; how long a call may take is the runtime's to say.
    MCP_TOOL_TIMEOUT: '86400000',
  }
}
