import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A temporary folder that goes away with the test. */
export function place(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** git as a person runs it, with an identity. */
export function personsGit(cwd: string, ...argv: string[]): string {
  const env = {
    PATH: process.env.PATH!,
    HOME: cwd,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'ada',
    GIT_AUTHOR_EMAIL: 'ada@localhost',
    GIT_COMMITTER_NAME: 'ada',
    GIT_COMMITTER_EMAIL: 'ada@localhost',
  }
  return execFileSync('git', argv, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** A repository with one commit of these files. */
export function repositoryOf(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return commitAll(folder)
}

/** The sample project of the first example as a repository. */
export function sampleRepository(folder: string): string {
  cpSync(fileURLToPath(new URL('../../examples/01-first-band/project', import.meta.url)), folder, { recursive: true })
  return commitAll(folder)
}

function commitAll(folder: string): string {
  personsGit(folder, 'init', '-q', '-b', 'main')
  personsGit(folder, 'add', '-A')
  personsGit(folder, 'commit', '-q', '-m', 'start')
  return folder
}
