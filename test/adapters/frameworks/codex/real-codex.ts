import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type CodexOptions, codex } from '../../../../adapters/frameworks/codex.ts'
import type { Session, SessionOptions, SessionTool, ToolResult, TurnEvent } from '../../../../core/ports/framework.ts'
import { clients } from '../../../clients/clients.ts'
import { type OpenaiStandIn, openaiStandIn, type Script } from '../../../stand-ins/openai.ts'

const found = await clients()
/** Why the real client is not there; '' when it is. */
export const missing = 'missing' in found ? found.missing : ''
export const executable = 'missing' in found ? '' : found.codexBinary

export const key = 'sk-secret-of-the-test'
export const readFiles: SessionTool = {
  name: 'read_files',
  description: 'Reads files.',
  schema: { type: 'object', properties: { paths: { type: 'array', items: { type: 'string' } } }, required: ['paths'] },
}
export const search: SessionTool = { name: 'mcp/github/search', description: 'Searches.', schema: { type: 'object' } }

export interface Called {
  name: string
  input: unknown
  id: string
  signal: AbortSignal
}

export interface Place {
  cwd: string
  home: string
}

export interface Opened {
  session: Session
  called: Called[]
  at: Place
}

type Given = Partial<SessionOptions> & { at?: Place; answer?: (called: Called) => Promise<ToolResult> | ToolResult }

export interface RealCodex {
  readonly api: OpenaiStandIn
  place(): Promise<Place>
  start(given?: Given, settings?: CodexOptions): Promise<Opened>
  /** Sets the script and forgets what the stand-in heard before. */
  play(script: Script): void
}

/** The real client against the stand-in, for one test file; closes what it opened. */
export function realCodex(): RealCodex {
  let api: OpenaiStandIn
  let folder: string
  let count = 0
  const open: Session[] = []

  beforeAll(async () => {
    api = await openaiStandIn()
    folder = await mkdtemp(join(tmpdir(), 'codex-'))
  })
  afterAll(async () => {
    await Promise.all(open.map((session) => session.close()))
    await api.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function place(): Promise<Place> {
    const root = join(folder, String(count++))
    const made = { cwd: join(root, 'worktree'), home: join(root, 'home') }
    await mkdir(made.cwd, { recursive: true })
    await mkdir(made.home, { mode: 0o700 })
    return made
  }

  return {
    get api() {
      return api
    },
    place,
    async start({ at, answer = () => ({ ok: true, output: 'read' }), ...more } = {}, settings = {}) {
      const where = at ?? (await place())
      const called: Called[] = []
      const provider = { requestRetries: 0, streamRetries: 0 }
      const session = await codex({ executable, baseUrl: api.url, provider, ...settings }).start({
        worker: 'coder-codex-0',
        systemPrompt: 'You read files.',
        model: 'gpt-5.5',
        ...where,
        env: { OPENAI_API_KEY: key },
        repo: where.cwd,
        tools: [readFiles],
        async call(name, input, { id, signal }) {
          const one = { name, input, id, signal }
          called.push(one)
          return answer(one)
        },
        ...more,
      })
      open.push(session)
      return { session, called, at: where }
    },
    play(script) {
      api.setScript(script)
      api.requests.length = 0
      api.turns.length = 0
    },
  }
}

export async function turn(session: Session, prompt = 'go', signal?: AbortSignal): Promise<TurnEvent[]> {
  const events: TurnEvent[] = []
  for await (const event of session.prompt(prompt, signal ? { signal } : {})) events.push(event)
  return events
}

export const ends = (events: TurnEvent[]) => events.filter((event) => event.type === 'turn-end')

/** An addition in the grammar of apply_patch. */
export const patch = (file: string) => `*** Begin Patch\n*** Add File: ${file}\n+pwned\n*** End Patch`

/** Ids of the client processes of a home. */
export async function clientsOf({ home }: Place): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: number[] = []
  for (const pid of pids) {
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environ.split('\0').includes(`CODEX_HOME=${join(home, 'codex')}`)) found.push(Number(pid))
  }
  return found
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
