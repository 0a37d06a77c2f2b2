import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { personsGit } from '../../scene/place.ts'

const name = 'fastify'
const version = '5.12.8'
const integrity = 'sha512-moP8exb2sCHLUbJkwp+I6C0padhy4D8lp0SdmzY7HhSdZuqm7O/u3o2aq7u8okaQ//33QDzj3G/u+FsSdB8Qzw=='
/** No dependency newer than this is taken, so that the lock file is the same in a year. */
const before = '2026-11-03'

/** Of its development dependencies those that its unit tests load; linters, benchmarks and type checkers stay away. */
const testDependencies =
  'ajv ajv-errors ajv-formats ajv-i18n ajv-merge-patch fast-json-body fastify-plugin fluent-json-schema h2url http-errors joi JSONStream node-forge proxyquire split2 undici vary yup'.split(
    ' ',
  )

const root = fileURLToPath(new URL('../../..', import.meta.url))
const cache = fileURLToPath(new URL('../.cache', import.meta.url))
const run = promisify(execFile)

/** npm as the person runs it, their registry included. */
async function npm(cwd: string, ...argv: string[]): Promise<string> {
  const { stdout } = await run('npm', [...argv, '--fetch-retries=1', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd,
    timeout: 90_000,
  })
  return stdout.trim()
}

/** What setup needs to reach the registry that this machine is told to use. */
export async function registryEnv(): Promise<Record<string, string>> {
  const given =
    'HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS SSL_CERT_FILE npm_config_cafile'.split(
      ' ',
    )
  const env = given.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]!] as const]))
  return { npm_config_registry: await npm(root, 'config', 'get', 'registry'), ...Object.fromEntries(env) }
}

/** '' when the registry answers, else why the network is to blame. Anything else that is wrong is thrown. */
export async function registryTrouble(): Promise<string> {
  try {
    await npm(root, 'view', `${name}@${version}`, 'version', '--prefer-online', '--fetch-timeout=15000')
    return ''
  } catch (error) {
    const text = String((error as { stderr?: string }).stderr ?? error)
    const network =
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|\bE50[234]\b/.exec(
        text,
      )
    if (!network) throw error
    return `the npm registry cannot be reached (${network[0]})`
  }
}

/** A repository of the published sources with the lock file of the day, and what a person adds to work on them. */
export async function fastifyRepository(folder: string, own: Readonly<Record<string, string>>): Promise<string> {
  mkdirSync(folder, { recursive: true })
  await run('tar', ['-xzf', await tarball(), '-C', folder, '--strip-components=1'])
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  manifest.devDependencies = Object.fromEntries(
    Object.entries(manifest.devDependencies).filter(([key]) => testDependencies.includes(key)),
  )
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await lock(folder)
  // npm leaves the .gitignore of a package out of its tarball.
  for (const [path, text] of Object.entries({ '.gitignore': 'node_modules\n', ...own }))
    writeFileSync(join(folder, path), text)
  personsGit(folder, 'init', '-q', '-b', 'main')
  personsGit(folder, 'add', '-A')
  personsGit(folder, 'commit', '-q', '-m', `${name} ${version}`)
  return folder
}

async function tarball(): Promise<string> {
  const file = join(cache, `${name}-${version}.tgz`)
  const intact = (): boolean =>
    `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}` === integrity
  if (existsSync(file) && intact()) return file
  await made(file, async (draft) => {
    await npm(draft, 'pack', `${name}@${version}`)
    return `${name}-${version}.tgz`
  })
  if (!intact()) throw new Error(`${name}@${version} is not what was published: its checksum differs`)
  return file
}

async function lock(folder: string): Promise<void> {
  const digest = createHash('sha256')
    .update(before)
    .update(readFileSync(join(folder, 'package.json')))
    .digest('hex')
    .slice(0, 12)
  const file = join(cache, `${name}-${version}-${digest}.lock`)
  if (!existsSync(file)) {
    await made(file, async (draft) => {
      copyFileSync(join(folder, 'package.json'), join(draft, 'package.json'))
      await npm(draft, 'install', '--package-lock-only', `--before=${before}`)
      return 'package-lock.json'
    })
  }
  copyFileSync(file, join(folder, 'package-lock.json'))
}

/** Puts a file into the cache whole, also when two tests make it at once. */
async function made(file: string, make: (draft: string) => Promise<string>): Promise<void> {
  mkdirSync(cache, { recursive: true })
  const draft = mkdtempSync(join(cache, 'draft-'))
  try {
    renameSync(join(draft, await make(draft)), file)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}
