import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { CodebandError } from '../../core/errors.ts'
import type { Framework, FrameworkCheck, SessionOptions } from '../../core/ports/framework.ts'
import { bareCatalogue } from './codex/catalogue.ts'
import { bundledCatalogue, type Client, connect, isWanted, refusal, versionOf, within } from './codex/client.ts'
import { findExecutable, installCommand, wantedVersion } from './codex/executable.ts'
import { type CodexHome, furnish, openHome } from './codex/home.ts'
import { surplus } from './codex/offer.ts'
import { conversation, findRecord, readRecord, recordedStart } from './codex/record.ts'
import { openSession, type Thread } from './codex/session.ts'
import { sameTools, type WireTools, wireTools } from './codex/tools.ts'

export interface CodexOptions {
  id?: string
  /** Where neither the role nor the worker names one; default: the client's own choice. */
  model?: string
  effort?: string
  /** Path of the codex binary; default: the `@openai/codex` of the repository, then codeband's own, then the one on PATH. */
  executable?: string
  /** Of a Responses API; default: OPENAI_BASE_URL, then OpenAI. */
  baseUrl?: string
  /** Default: OPENAI_API_KEY, then CODEX_API_KEY. It stays in this process. */
  apiKey?: string
  /** How patient the client itself is, before a turn fails. */
  provider?: { requestRetries?: number; streamRetries?: number; idleMs?: number }
  /** auth.json of a ChatGPT login (`codex login` writes ~/.codex/auth.json), used when there is no key. Each worker gets a private copy,
   *  which the vendor may rotate apart from the original; unlike a key it lies in the client's private home, readable to the client. */
  authFile?: string
}

/** Codex, as one `codex app-server` per session. It has no place to run anything and no tools but the given ones: see `catalogue.ts`
 *  for the one tool (`request_user_input`) that no switch hides and why it is inert, and `offer.ts` for how the client is made to
 *  show what it lists. A session that is resumed with other
 *  tools or another system prompt goes on in a new thread with the old conversation, since a thread keeps both for life. */
export function codex(settings: CodexOptions = {}): Framework {
  const { id = 'codex', executable, authFile } = settings
  return {
    id,
    family: 'openai',
    env: ['OPENAI_API_KEY', 'CODEX_API_KEY', 'OPENAI_BASE_URL'],

    async start(given) {
      const model = given.model ?? settings.model
      const effort = given.effort ?? settings.effort
      const options = { ...given, ...(model !== undefined && { model }), ...(effort !== undefined && { effort }) }
      const { OPENAI_API_KEY, CODEX_API_KEY, OPENAI_BASE_URL, ...env } = given.env
      const found = await findExecutable({ repo: given.repo, path: env.PATH ?? '', ...(executable && { executable }) })
      if (!found) throw missing(id)
      const places = await openHome(given.home)
      const connection = { executable: found, places, env, framework: id, worker: given.worker }
      const catalogue = bareCatalogue(await bundledCatalogue(found), model)
      if (!catalogue) throw await refusal(connection, 'its model catalogue could not be read')

      // An empty variable is how shells say 'none'.
      const key = settings.apiKey || OPENAI_API_KEY || CODEX_API_KEY || undefined
      const baseUrl = settings.baseUrl || OPENAI_BASE_URL || undefined
      const { requestRetries = 2, streamRetries = 2, idleMs = 300_000 } = settings.provider ?? {}
      // The network, which a band that only plays others need not load.
      const { openAccess } = await import('./codex/access.ts')
      const access = await openAccess({ framework: id, worker: given.worker, key, baseUrl })
      // The built-in provider takes no base URL of ours, and reads no key from the environment of an app-server.
      const provider = access.provider && { ...access.provider, requestRetries, streamRetries, idleMs }
      let client: Client | undefined
      try {
        await furnish(places, {
          home: given.home,
          cwd: given.cwd,
          catalogue,
          ...(model !== undefined && { model }),
          ...(provider && { provider }),
          ...(authFile !== undefined && { authFile }),
        })
        client = await connect({ ...connection, env: { ...env, ...access.variables } })
        const tools = wireTools(options.tools)
        const thread = await within(
          30_000,
          openThread(client, places, options, tools, provider ? 'codeband' : 'openai'),
        )
        return openSession({ client, thread, tools, options, ended: access.close })
      } catch (error) {
        await client?.kill()
        await access.close()
        if (client === undefined || CodebandError.is(error)) throw error
        const detail = (error as Error).message
        throw new CodebandError(
          'CB_BOUNDARY_UNENFORCEABLE',
          { framework: id, worker: given.worker, detail },
          { cause: error },
        )
      }
    },

    async check({ env, repo }): Promise<FrameworkCheck> {
      const found = await findExecutable({ repo, path: env.PATH ?? '', ...(executable && { executable }) })
      const keys = [settings.apiKey, env.OPENAI_API_KEY, env.CODEX_API_KEY]
      const login = keys.some(Boolean) || (authFile !== undefined && (await exists(authFile)))
      if (!found) return { ok: false, found: 'codex was not found', cure: installCommand, login }
      const version = await versionOf(found)
      const what = `codex ${version ?? 'of unknown version'} (${found})`
      if (!isWanted(version))
        return { ok: false, found: `${what}; wanted ${wantedVersion}.x`, cure: installCommand, login }
      if (login || settings.baseUrl !== undefined || env.OPENAI_BASE_URL)
        return { ok: true, found: what, cure: '', login }
      const theirs = join(env.CODEX_HOME ?? join(env.HOME ?? '/', '.codex'), 'auth.json')
      const cure = (await exists(theirs)) ? `write codex({ authFile: '${theirs}' })` : 'set OPENAI_API_KEY'
      return { ok: false, found: `${what}, without a login`, cure, login }
    },
  }
}

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )

const missing = (framework: string) =>
  new CodebandError('CB_CLIENT_MISSING', { framework, client: 'codex', cure: `Run: ${installCommand}` })

/** What thread/start and thread/resume answer, as far as it must be so. */
interface ThreadAnswer {
  thread: { id: string; environments?: unknown[] }
  modelProvider?: string
  approvalPolicy?: unknown
  sandbox?: { type?: string; networkAccess?: boolean }
  instructionSources?: unknown[]
}

async function openThread(
  client: Client,
  { root, desk }: CodexHome,
  options: SessionOptions,
  tools: WireTools,
  provider: string,
): Promise<Thread> {
  const { resume, systemPrompt, model } = options
  const shared = {
    cwd: desk,
    modelProvider: provider,
    sandbox: 'read-only',
    approvalPolicy: 'never',
    baseInstructions: systemPrompt,
    ...(model !== undefined && { model }),
  }
  const wrong = await surplus(client, shared, tools.specs)
  if (wrong !== undefined) throw new Error(wrong)
  // A thread without a record never had a turn: there is nothing to go on from.
  const file = resume === undefined ? undefined : await findRecord(root, resume)
  const record = file === undefined ? undefined : await readRecord(file)
  const start = record && recordedStart(record)
  const same = start !== undefined && start.systemPrompt === systemPrompt && sameTools(start.tools, tools.specs)
  const answer = (await (same
    ? client.request('thread/resume', { ...shared, threadId: resume, excludeTurns: true })
    : client.request('thread/start', { ...shared, environments: [], dynamicTools: tools.specs }))) as ThreadAnswer
  const { thread, approvalPolicy, sandbox, instructionSources = [] } = answer
  if (answer.modelProvider !== provider) throw new Error(`the thread goes to the provider '${answer.modelProvider}'`)
  const held = approvalPolicy === 'never' && sandbox?.type === 'readOnly' && sandbox.networkAccess !== true
  if (!held || instructionSources.length > 0 || (thread.environments ?? []).length > 0) {
    throw new Error('the thread did not take its limits')
  }
  if (record && !same) {
    const items = conversation(record)
    if (items.length > 0) await client.request('thread/inject_items', { threadId: thread.id, items })
  }
  return { id: thread.id, root }
}
