import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CodebandError } from '../../core/errors.ts'
import type { Framework, FrameworkCheck } from '../../core/ports/framework.ts'
import { clientEnv, openHome } from './claude/home.ts'
import { accessVariables, logins } from './claude/login.ts'
import { type FoundSdk, findSdk, installCommand, loadSdk, versionOf, wantedClient, wantedSdk } from './claude/sdk.ts'

export interface ClaudeOptions {
  id?: string
  /** Where neither the role nor the worker names one; default: the client's own choice. */
  model?: string
  effort?: string
  /** Path of the claude binary, relative to the repository; default: the one that comes with the SDK. */
  executable?: string
  /** Of a Messages API; default: ANTHROPIC_BASE_URL, then Anthropic. */
  baseUrl?: string
  /** Default: ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN or CLAUDE_CODE_OAUTH_TOKEN. It stays in this process. */
  apiKey?: string
  /** More variables for the client, such as those of a cloud that serves the models. Keys, base URL and ANTHROPIC_CUSTOM_HEADERS among them
   *  are not handed to it but sent in its place, and HTTPS_PROXY, NO_PROXY and NODE_EXTRA_CA_CERTS are how. */
  env?: Readonly<Record<string, string>>
  /** How often the client itself asks a failing API again before the turn fails; the waits double from half a second. */
  retries?: number
}

/** Claude Code through its Agent SDK: one process for all prompts of a session, its own tools off, ours through MCP in this process.
 *  The client announces its tools only with a prompt, but gives an account of its context before: `start` compares that account and
 *  the connected servers with what was given, and each prompt compares the announcement before any call passes. */
export function claude(settings: ClaudeOptions = {}): Framework {
  const { id = 'claude', executable, apiKey, baseUrl, retries = 4, env: more = {} } = settings

  async function binaryOf(sdk: FoundSdk | undefined, repo: string): Promise<string | undefined> {
    if (executable === undefined) return sdk?.executable
    const file = resolve(repo, executable)
    return access(file, constants.X_OK).then(
      () => file,
      () => undefined,
    )
  }

  return {
    id,
    family: 'anthropic',
    env: accessVariables,

    async start(given) {
      const found = await findSdk()
      const query = await loadSdk(found, id)
      const binary = await binaryOf(found, given.repo)
      if (!binary) {
        const cure = executable === undefined ? `Run: ${installCommand}` : `Correct 'executable' ('${executable}').`
        throw new CodebandError('CB_CLIENT_MISSING', { framework: id, client: 'the claude binary', cure })
      }
      const places = await openHome(given.home)
      const model = given.model ?? settings.model
      const effort = given.effort ?? settings.effort
      const options = { ...given, ...(model !== undefined && { model }), ...(effort !== undefined && { effort }) }
      // What they import takes 150 ms, which a band that only plays others need not wait for.
      const { launch } = await import('./claude/open.ts')
      const { openAccess } = await import('./claude/access.ts')
      const access = await openAccess({
        framework: id,
        worker: given.worker,
        given: given.env,
        more,
        ...(apiKey !== undefined && { apiKey }),
        ...(baseUrl !== undefined && { baseUrl }),
      })
      try {
        const env = clientEnv({ given: given.env, home: given.home, places, access, retries })
        return await launch({ framework: id, query, executable: binary, places, env, options, ended: access.close })
      } catch (error) {
        await access.close()
        throw error
      }
    },

    async check({ env, repo }): Promise<FrameworkCheck> {
      const seen = apiKey !== undefined || logins.some((name) => env[name])
      const sdk = await findSdk()
      const missing = (found: string): FrameworkCheck => ({ ok: false, found, cure: installCommand, login: seen })
      if (!sdk) return missing('the Claude Agent SDK was not found')
      const what = `Claude Agent SDK ${sdk.version}`
      if (sdk.version !== wantedSdk) return missing(`${what}; wanted ${wantedSdk}`)
      const binary = await binaryOf(sdk, repo)
      if (!binary && executable !== undefined)
        return { ok: false, found: `${what}, but no '${executable}'`, cure: "correct 'executable'", login: seen }
      if (!binary) return missing(`${what}, without its client`)
      const version = await versionOf(binary)
      if (version !== wantedClient)
        return missing(`${what} with a client of version ${version ?? 'unknown'} (${binary}); wanted ${wantedClient}`)
      // A gateway or a cloud may want no key of ours.
      if (seen || baseUrl !== undefined || env.ANTHROPIC_BASE_URL || Object.keys(more).length > 0)
        return { ok: true, found: `${what} (${binary})`, cure: '', login: seen }
      const cure = 'set ANTHROPIC_API_KEY, or run `claude setup-token` and set CLAUDE_CODE_OAUTH_TOKEN'
      return { ok: false, found: `${what}, without a login`, cure, login: seen }
    },
  }
}
