import { realpathSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'

/** The version range whose boundary the hostile suite has proved. */
export const wantedVersion = '0.169'
export const installCommand = 'npm install --save-dev @openai/codex@0.169.0'

const triples: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
}

export interface ExecutableSearch {
  /** Wins over everything else; relative to `repo`. */
  executable?: string
  repo: string
  /** The PATH that is searched last. */
  path: string
}

/** The native binary (no Node wrapper between us and it, so signals and the end of stdin reach it), or undefined. */
export async function findExecutable({ executable, repo, path }: ExecutableSearch): Promise<string | undefined> {
  if (executable !== undefined) return runnable(native(resolve(repo, executable)))
  // Never from the repository: what lies there is not trusted, and this is run with the key.
  const own = await runnable(packaged(import.meta.url))
  if (own) return own
  for (const folder of path.split(delimiter).filter((one) => isAbsolute(one))) {
    const found = await runnable(join(folder, 'codex'))
    if (found) return runnable(native(found))
  }
  return undefined
}

/** The npm package's `codex` is a Node script; the binary lies in the platform package beside it. */
function native(file: string): string | undefined {
  try {
    const real = realpathSync(file)
    return real.endsWith('.js') ? platformBinary(real) : real
  } catch {
    // The file is not there, or its platform package was not installed: not found, which the caller reports.
    return undefined
  }
}

function packaged(from: string): string | undefined {
  try {
    return platformBinary(createRequire(from).resolve('@openai/codex/package.json'))
  } catch {
    // Not installed beside codeband; the PATH may have it.
    return undefined
  }
}

function platformBinary(from: string): string {
  const platform = `${process.platform}-${process.arch}`
  const found = createRequire(from).resolve(`@openai/codex-${platform}/package.json`)
  return join(dirname(found), 'vendor', triples[platform] ?? platform, 'bin', 'codex')
}

async function runnable(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  return access(file, constants.X_OK).then(
    () => file,
    () => undefined,
  )
}
