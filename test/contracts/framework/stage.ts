import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type {
  Failure,
  Framework,
  Session,
  SessionOptions,
  SessionTool,
  ToolResult,
  TurnEvent,
} from '../../../core/ports/framework.ts'

/** A call that came through `SessionOptions.call`. */
export interface Called {
  name: string
  input: unknown
  id: string
  signal: AbortSignal
}

export interface Place {
  /** Everything of one worker; `cwd` and `home` lie in it. */
  root: string
  cwd: string
  home: string
  /** Value of a variable in the environment of every process of its clients. */
  mark: string
}

export interface Actor {
  session: Session
  called: Called[]
  place: Place
}

export interface Turn {
  events: TurnEvent[]
  said: string
  outcome: 'done' | 'cancelled' | Failure
  usage: { inputTokens: number; outputTokens: number }
}

export type Answer = (call: Called) => ToolResult | Promise<ToolResult>

export const readFiles: SessionTool = {
  name: 'read_files',
  description: 'Reads files.',
  schema: {
    type: 'object',
    properties: { paths: { type: 'array', items: { type: 'string' } } },
    required: ['paths'],
    additionalProperties: false,
  },
}
export const search: SessionTool = {
  name: 'mcp/github/search',
  description: 'Searches.',
  schema: { type: 'object', properties: { text: { type: 'string' } } },
}
export const granted: readonly SessionTool[] = [readFiles, search]

const variable = 'CODEBAND_TEST_MARK'

/** Worktrees, homes and sessions of one suite; `strike` ends and removes all of them. */
export async function stage(framework: () => Framework, env: Readonly<Record<string, string>>, repo?: string) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'framework-')))
  const open: Session[] = []
  let count = 0

  async function place(): Promise<Place> {
    const root = join(folder, String(count++))
    const [cwd, home] = [join(root, 'worktree'), join(root, 'home')]
    await mkdir(cwd, { recursive: true })
    await mkdir(home, { mode: 0o700 })
    return { root, cwd, home, mark: root }
  }

  /** Starts a session whose gate is `answer` for what is granted and denies the rest, as the runtime's does. */
  async function enter(
    options: Partial<SessionOptions> & { at?: Place; answer?: Answer; framework?: Framework } = {},
  ): Promise<Actor> {
    const { at, answer = () => ({ ok: true, output: 'read' }), framework: given, ...more } = options
    const where = at ?? (await place())
    const tools = more.tools ?? granted
    const called: Called[] = []
    const session = await (given ?? framework()).start({
      worker: 'coder-test-0',
      systemPrompt: 'You are on a stage.',
      cwd: where.cwd,
      home: where.home,
      env: {
        PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
        LANG: 'C.UTF-8',
        HOME: where.home,
        TMPDIR: join(where.home, 'tmp'),
        [variable]: where.mark,
        ...env,
      },
      repo: repo ?? where.cwd,
      ...more,
      tools,
      async call(name, input, { id, signal }) {
        const call = { name, input, id, signal }
        called.push(call)
        if (!tools.some((tool) => tool.name === name)) return { ok: false, output: `denied: ${name} is not granted` }
        return answer(call)
      },
    })
    open.push(session)
    return { session, called, place: where }
  }

  async function strike(): Promise<void> {
    await Promise.all(open.map((session) => session.close()))
    await rm(folder, { recursive: true, force: true })
  }

  return { place, enter, strike }
}

/** Plays one prompt to its end; `onEvent` may act in between. */
export async function play(
  session: Session,
  text: string,
  { signal, onEvent }: { signal?: AbortSignal; onEvent?(event: TurnEvent): void } = {},
): Promise<Turn> {
  const events: TurnEvent[] = []
  for await (const event of session.prompt(text, { ...(signal && { signal }) })) {
    events.push(event)
    onEvent?.(event)
  }
  const last = events.at(-1)
  if (last?.type !== 'turn-end') throw new Error(`the turn did not end with turn-end: ${JSON.stringify(events)}`)
  const used = events.flatMap((event) => (event.type === 'usage' ? [event.usage] : []))
  const sum = (of: 'inputTokens' | 'outputTokens') => used.reduce((all, one) => all + one[of], 0)
  return {
    events,
    said: events.map((event) => (event.type === 'text' ? event.delta : '')).join(''),
    outcome: last.outcome,
    usage: { inputTokens: sum('inputTokens'), outputTokens: sum('outputTokens') },
  }
}

/** Ids of the living processes that belong to a place. Linux only: no other system shows environments. */
export async function processesOf({ mark }: Place): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // One that ends meanwhile, or that is a zombie, has no environment to read.
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environ.split('\0').includes(`${variable}=${mark}`)) found.push(Number(pid))
  }
  return found
}

/** Writes files below a folder. */
export async function furnish(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
}

/** Every file below a folder, relative, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}
