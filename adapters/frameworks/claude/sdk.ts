import { access, constants, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Options, Query, SDKUserMessage, SpawnedProcess, SpawnOptions } from '@anthropic-ai/claude-agent-sdk'
import { CodebandError } from '../../../core/errors.ts'

export type { Options, Query, SDKUserMessage, SpawnedProcess, SpawnOptions }
export type StartQuery = (parameters: { prompt: AsyncIterable<SDKUserMessage>; options: Options }) => Query

/** The versions whose boundary the hostile suite has proved: of the SDK, and of the client it brings. */
export const wantedSdk = '0.3.329'
export const wantedClient = '2.1.329'

const sdkName = '@anthropic-ai/claude-agent-sdk'
export const installCommand = `npm install --save-dev ${sdkName}@${wantedSdk}`

export interface FoundSdk {
  /** Its entry file. */
  entry: string
  version: string
  /** The client that comes with it, where the platform's package is installed too. */
  executable: string | undefined
}

/** The SDK installed with codeband, never the repository's: what lies there is not trusted, and this runs in our process. Reads files only. */
export async function findSdk(): Promise<FoundSdk | undefined> {
  try {
    const entry = createRequire(import.meta.url).resolve(sdkName)
    const manifest = JSON.parse(await readFile(join(dirname(entry), 'package.json'), 'utf8')) as { version: string }
    return { entry, version: manifest.version, executable: await bundledClient(entry) }
  } catch {
    // It is an optional peer: a band of other frameworks does not need it.
    return undefined
  }
}

async function bundledClient(entry: string): Promise<string | undefined> {
  const platform = `${sdkName}-${process.platform}-${process.arch}`
  for (const name of [platform, `${platform}-musl`]) {
    try {
      const file = join(dirname(createRequire(entry).resolve(`${name}/package.json`)), 'claude')
      await access(file, constants.X_OK)
      return file
    } catch {
      // npm installs only the package that fits the machine; the other name may be that one.
    }
  }
  return undefined
}

/** CB_CLIENT_MISSING or CB_CLIENT_VERSION, with the command that repairs it. */
export async function loadSdk(found: FoundSdk | undefined, framework: string): Promise<StartQuery> {
  const cure = `Run: ${installCommand}`
  if (!found) throw new CodebandError('CB_CLIENT_MISSING', { framework, client: sdkName, cure })
  if (found.version !== wantedSdk) throw wrongVersion(framework, sdkName, found.version, wantedSdk)
  const { query } = (await import(pathToFileURL(found.entry).href)) as { query: StartQuery }
  return query
}

export const wrongVersion = (framework: string, client: string, found: string, wanted: string) =>
  new CodebandError('CB_CLIENT_VERSION', { framework, client, found, wanted, cure: `Run: ${installCommand}` })

/** What the client calls itself, in an environment of nothing; undefined when that is no Claude Code. */
export async function versionOf(executable: string): Promise<string | undefined> {
  // Folders that do not exist keep it from making files in the person's own.
  const env = { HOME: '/nonexistent', CLAUDE_CONFIG_DIR: '/nonexistent', DISABLE_AUTOUPDATER: '1' }
  // A hundred modules, which nobody needs who only names this framework.
  const { run } = await import('../../processes/process.ts')
  const { stdout } = await run([executable, '--version'], { cwd: '/', env, timeoutMs: 10_000, maxOutput: 4_000 })
  return /^(\d+\.\d+\.\S+) \(Claude Code\)/m.exec(stdout)?.[1]
}
