import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import type { Recorded } from '../../core/protocol/events.ts'
import { personsGit, repositoryOf } from '../scene/place.ts'
import type { Life, LifeEnd } from './child.ts'
import { type Attempt, attempts, files } from './scenario.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where the bands of these tests live and die. */
export interface Graveyard {
  /** A new repository with nothing done in it. All have the same first commit. */
  plot(): string
  /** Starts a life of a band, in a process group of its own. */
  start(life: Life): Living
  remove(): void
}

export interface Living {
  process: ChildProcess
  /** Resolves as soon as the types of the events that it told of are as asked, or it is over. */
  until(met: (told: readonly string[]) => boolean): Promise<void>
  over: Promise<{ signal: string | null; end: LifeEnd | undefined; stderr: string }>
}

/** The child is bundled once: it starts in a third of the time, and half of what these tests do is starting it. */
export async function openGraveyard(): Promise<Graveyard> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-kills-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  await build({
    entryPoints: [fileURLToPath(new URL('child.ts', import.meta.url))],
    outdir: join(folder, 'program'),
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    alias: { codeband: join(root, 'adapters/index.ts') },
    external: ['@anthropic-ai/*', '@modelcontextprotocol/*', 'esbuild', 'tsx'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  })
  const template = repositoryOf(join(folder, 'template'), files)
  let plots = 0
  return {
    remove,
    plot() {
      const place = join(folder, `plot-${plots++}`)
      mkdirSync(place)
      cpSync(template, join(place, 'repo'), { recursive: true, preserveTimestamps: true })
      return place
    },
    start(life) {
      const program = join(folder, 'program', 'child.mjs')
      const child = spawn(process.execPath, [program, JSON.stringify(life)], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: life.place, TMPDIR: folder },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      return living(child)
    },
  }
}

function living(child: ChildProcess): Living {
  const told: string[] = []
  let [rest, stderr] = ['', '']
  let end: LifeEnd | undefined
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  child.stdout!.on('data', (data: Buffer) => {
    const lines = (rest + data.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      if (line.startsWith('{')) end = JSON.parse(line) as LifeEnd
      else told.push(line)
    }
    wake()
  })
  child.stderr!.on('data', (data: Buffer) => {
    stderr += data.toString()
  })
  let isOver = false
  const over = new Promise<{ signal: string | null; end: LifeEnd | undefined; stderr: string }>((resolve) => {
    child.once('exit', (_, signal) => {
      const done = () => {
        isOver = true
        wake()
        resolve({ signal, end, stderr })
      }
      // What lives on (a command in its sandbox, for a moment) may hold the pipes.
      child.once('close', done)
      setTimeout(done, 2_000).unref()
    })
  })
  return {
    process: child,
    over,
    until: (met) =>
      new Promise((resolve) => {
        const look = () => {
          if (!isOver && !met(told)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

/** Everything about a place that a kill could have spoiled. */
export interface Remains {
  events: Recorded[]
  attempts: Attempt[]
  /** Of the branch, of the index and of the files of the person's checkout. */
  trees: readonly string[]
  status: string
  /** How often the branch was moved, from its log. */
  moves: number
  fsck: { person: string; core: string }
  locks: readonly string[]
  /** Names that stand in $CODEBAND_HOME, and in its folder for what is passing. */
  home: readonly string[]
  passing: readonly string[]
  /** Folders of worktrees, and those that git knows of. */
  worktrees: { folders: readonly string[]; registered: readonly string[]; prunable: string }
}

export async function remainsOf(place: string): Promise<Remains> {
  const repo = join(place, 'repo')
  const home = join(place, 'home')
  const store = sqliteEventStore({ file: join(home, 'band.db') })
  const events: Recorded[] = []
  for await (const event of store.read()) events.push(event)
  await store.close()
  const core = join(home, 'repo.git')
  const index = personsGit(repo, 'write-tree')
  return {
    events,
    attempts: attempts(place),
    trees: [personsGit(repo, 'rev-parse', 'main^{tree}'), personsGit(repo, 'rev-parse', 'HEAD^{tree}'), index],
    status: personsGit(repo, 'status', '--porcelain'),
    moves: personsGit(repo, 'reflog', 'show', 'main')
      .split('\n')
      .filter((line) => line.includes('codeband')).length,
    fsck: { person: fsck(repo, '.git'), core: fsck(core, '.') },
    locks: [join(repo, '.git'), core].flatMap((folder) =>
      (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /lock|\.draft|\.keep$/.test(name)),
    ),
    home: names(home).filter((name) => !/^band\.db-(wal|shm)$/.test(name)),
    passing: names(join(home, 'tmp')),
    worktrees: {
      folders: names(join(home, 'worktrees')),
      registered: names(join(core, 'worktrees')),
      prunable: personsGit(core, 'worktree', 'prune', '--dry-run'),
    },
  }
}

const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : [])

/** Without what is only not reachable any more: commits of turns that died. */
function fsck(cwd: string, gitDir: string): string {
  return execFileSync('git', ['--git-dir', gitDir, 'fsck', '--strict', '--no-dangling', '--no-progress'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
}
