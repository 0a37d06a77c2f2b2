import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CodebandError } from '../../../core/errors.ts'
import type { Session, SessionOptions } from '../../../core/ports/framework.ts'
import { eventQueue } from '../event-queue.ts'
import { boundaryOptions, surplusAtStart } from './boundary.ts'
import { clientProcess } from './client-process.ts'
import { type ClaudeHome, hasConversation, isSessionId } from './home.ts'
import { type Options, type Query, type SDKUserMessage, type StartQuery, wantedClient, wrongVersion } from './sdk.ts'
import { type ClaudeSession, openSession } from './session.ts'
import { toolServer } from './tools.ts'
import { serverName, type WireTools, wireTools } from './wire-tools.ts'

export interface Launch {
  framework: string
  query: StartQuery
  executable: string
  places: ClaudeHome
  env: Record<string, string>
  options: SessionOptions
  /** Called once no process of the session lives. */
  ended(): Promise<void>
}

const startMs = 60_000

/** Starts the client and gives its session once it is known to offer exactly the given tools. */
export async function launch(parts: Launch): Promise<Session> {
  const { framework, query: start, executable, places, env, options, ended } = parts
  const { worker, systemPrompt, resume, model, effort } = options
  const tools = wireTools(options.tools)
  const prompts = eventQueue<SDKUserMessage>()
  const client = clientProcess()
  const resumed = resume !== undefined && (await hasConversation(places, resume))
  const token = resume !== undefined && isSessionId(resume) ? resume : randomUUID()
  let session: ClaudeSession | undefined
  const server = toolServer(tools, async (name, input, more) =>
    session ? session.call(name, input, more) : { ok: false, output: 'No turn is running.' },
  )
  const query = start({
    prompt: prompts.read(),
    options: {
      ...boundaryOptions(tools),
      // The low-level server is what the SDK's own type wraps, and all that it connects to.
      mcpServers: { [serverName]: { type: 'sdk', name: serverName, instance: server as never } },
      cwd: places.desk,
      env,
      pathToClaudeCodeExecutable: executable,
      spawnClaudeCodeProcess: client.spawn,
      // A conversation that is resumed would else go on under the system prompt it began with.
      systemPrompt: { type: 'custom', prompt: systemPrompt, snapshot: false },
      includePartialMessages: true,
      ...(resumed ? { resume: token } : { sessionId: token }),
      ...(model !== undefined && { model }),
      ...(effort !== undefined && { effort: effort as NonNullable<Options['effort']> }),
    },
  })
  const late = new AbortController()
  try {
    const timeout = sleep(startMs, undefined, { signal: late.signal, ref: false }).then(() => {
      throw new Error(`it did not start within ${startMs / 1_000} seconds`)
    })
    timeout.catch(() => undefined)
    await Promise.race([verify(query, tools, framework), timeout])
    const usd = resumed ? await Promise.race([costSoFar(query), timeout]) : 0
    session = openSession({ query, prompts, client, tools, options, token, usd, ended })
    return session
  } catch (error) {
    prompts.end()
    await client.kill()
    query.close()
    if (CodebandError.is(error)) throw error
    const detail = [(error as Error).message, client.complaints()].filter(Boolean).join(': ')
    throw new CodebandError('CB_BOUNDARY_UNENFORCEABLE', { framework, worker, detail }, { cause: error })
  } finally {
    late.abort()
  }
}

/** Dollars from which the client counts on in a conversation that is resumed: what it saved at its last orderly end, which after a kill
 *  is less than what was spent. Asks nobody outside. */
async function costSoFar(query: Query): Promise<number> {
  const answer = await query.usage_EXPERIMENTAL_MAY_CHANGE_DO_NOT_RELY_ON_THIS_API_YET({ skipBehaviors: true })
  return answer.session.total_cost_usd
}

async function verify(query: Query, tools: WireTools, framework: string): Promise<void> {
  const { hooks_applied: hooks, claude_code_version: version = 'unknown' } = await query.initializationResult()
  if (version !== wantedClient) throw wrongVersion(framework, 'the claude client', version, wantedClient)
  const servers = await query.mcpServerStatus()
  // 'summary' asks nobody; 'full' would count tokens over the network.
  const context = await query.getContextUsage({ detail: 'summary' })
  const surplus = surplusAtStart(tools, { hooksApplied: hooks === true, servers, context })
  if (surplus !== undefined) throw new Error(surplus)
}
