import { access, constants, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
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

/** The SDK of the repository, else codeband's own; one of the wanted version before any other. Reads files only. */
export async function findSdk(repo: string): Promise<FoundSdk | undefined> {
  let other: FoundSdk | undefined
  for (const from of [join(resolve(repo), 'package.json'), import.meta.url]) {
    const found = await sdkFrom(from)
    if (found?.version === wantedSdk && found.executable) return found
    if (found?.version === wantedSdk || !other) other = found ?? other
  }
  return other
}

async function sdkFrom(from: string): Promise<FoundSdk | undefined> {
  try {
    const entry = createRequire(from).resolve(sdkName)
    const manifest = JSON.parse(await readFile(join(dirname(entry), 'package.json'), 'utf8')) as { version: string }
    return { entry, version: manifest.version, executable: await bundledClient(entry) }
  } catch {
    // Not installed here; the next place may have it.
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
