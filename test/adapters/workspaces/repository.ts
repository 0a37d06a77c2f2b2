import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Files = Readonly<Record<string, string | Buffer | { link: string } | { run: string }>>

/** A repository as a person has one: real git, their own configuration, their own commits. */
export interface Repository {
  readonly path: string
  /** Holds the repository and whatever a test puts beside it. */
  readonly folder: string
  git(...args: string[]): string
  /** The same in another checkout. */
  gitIn(path: string, ...args: string[]): string
  write(files: Files): void
  /** Writes, adds all, commits; gives the commit. */
  commit(files: Files, message?: string): string
}

const made: string[] = []

/** A folder of the test's own; with its real path, as core records it. */
export function temporary(name: string): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `codeband-${name}-`)))
  made.push(path)
  return path
}

/** For the end of a test file. */
export function removeTemporary(): void {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
}

export function repository({ init = [] }: { init?: readonly string[] } = {}): Repository {
  const folder = temporary('person')
  const path = join(folder, 'repository')
  mkdirSync(path)
  const gitIn = (cwd: string, ...args: string[]) =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH!,
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Ada',
        GIT_AUTHOR_EMAIL: 'ada@example.org',
        GIT_COMMITTER_NAME: 'Ada',
        GIT_COMMITTER_EMAIL: 'ada@example.org',
      },
    }).trimEnd()
  const git = (...args: string[]) => gitIn(path, ...args)
  git('init', '--quiet', '--initial-branch=main', ...init)
  const write = (files: Files) => writeFiles(path, files)
  return {
    path,
    folder,
    git,
    gitIn,
    write,
    commit(files, message = 'a commit') {
      write(files)
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '--message', message)
      return git('rev-parse', 'HEAD')
    },
  }
}

export function writeFiles(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(path, content)
    else if ('link' in content) symlinkSync(content.link, path)
    else {
      writeFileSync(path, content.run)
      chmodSync(path, 0o755)
    }
  }
}

/** Every file and link below a folder -> mode and content; a folder without anything has '/' at its end. */
export function snapshot(folder: string, { without = [] as readonly string[] } = {}): Record<string, string> {
  const found: Record<string, string> = {}
  const walk = (name: string) => {
    const entries = readdirSync(join(folder, name), { withFileTypes: true })
    if (entries.length === 0 && name !== '') found[`${name}/`] = 'empty'
    for (const entry of entries) {
      const inner = name === '' ? entry.name : `${name}/${entry.name}`
      if (without.includes(inner)) continue
      const path = join(folder, inner)
      if (entry.isDirectory()) walk(inner)
      else if (entry.isSymbolicLink())
        found[inner] = `link ${execFileSync('readlink', [path], { encoding: 'utf8' }).trim()}`
      else if (entry.isFile()) {
        const executable = execFileSync('stat', ['-c', '%a', path], { encoding: 'utf8' }).trim()
        found[inner] = `${executable} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
      } else found[inner] = 'special'
    }
  }
  walk('')
  return found
}
