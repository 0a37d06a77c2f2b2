import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  chmodSync,
  cpSync,
  linkSync,
  lstatSync,
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
import { dirname, join, relative } from 'node:path'
import { none } from '../../../adapters/sandboxes/none.ts'
import { defaultCommandLimits } from '../../../core/config.ts'
import type { Sandbox } from '../../../core/ports/sandbox.ts'
import type { Role } from '../../../core/role/role.ts'
import { type Bench, coder, openBench, plainWorktree, planner, reviewer } from '../../runtime/tools/scene.ts'

/** Words that may never come back to a model; made anew for each room, so that no mutant can hold one. */
export interface Secrets {
  readonly outside: string
  readonly git: string
}

/** A worktree with every trap in it, a folder beside it that nothing may reach, and a toolbox for each role. */
export interface Room {
  readonly top: string
  readonly root: string
  readonly secrets: Secrets
  readonly benches: ReadonlyMap<string, Bench>
  /** Every argv that reached a sandbox since the last `mend`. */
  readonly ran: string[][]
  /** Every address that was asked for since then. */
  readonly fetched: string[]
  /** Paths under `top` that are not as they were. */
  changed(): string[]
  /** Makes everything as it was. */
  mend(): void
  remove(): void
}

const narrow = {
  ...coder,
  id: 'narrow',
  writes: ['src/**', 'docs/*.md'],
  tools: ['write_file', 'apply_diff', 'delete_file', { name: 'read_files', paths: ['src/**'] }],
} satisfies Role

const fetcher = {
  id: 'fetcher',
  description: 'Fetches.',
  tools: [{ name: 'fetch_url', allowedHosts: ['example.com', 'localhost:8443'] }],
} satisfies Role

export const roles: readonly Role[] = [coder, reviewer, planner, narrow, fetcher]

export function openRoom(): Room {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'codeband-fuzz-')))
  const secrets = { outside: randomBytes(12).toString('hex'), git: randomBytes(12).toString('hex') }
  const at = (...parts: string[]) => join(top, ...parts)
  const write = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), text)
  }
  for (const path of ['outside/secret.txt', 'repo-evil/x', 'other-task/src/x.ts', 'state/band.db']) {
    write(path, `${secrets.outside}\n`)
  }
  for (const name of ['npm', 'npx']) {
    write(`bin/${name}`, '#!/bin/sh\nexit 0\n')
    chmodSync(at('bin', name), 0o755)
  }
  write('shared.txt', 'shared\n')
  write('repo/package.json', '{ "name": "x", "version": "1.0.0", "scripts": { "test": "node test.js" } }\n')
  write('repo/README.md', '# Sample\nIt has lines.\nThree.\n')
  write('repo/src/a.ts', 'export const add = (a: number, b: number) => a - b\nexport const one = 1\n')
  write('repo/src/caf\u00e9.ts', 'export {}\n')
  write('repo/src/windows.ts', 'one\r\ntwo\r\nthree\r\n')
  write('repo/lib/b.ts', 'export const two = 2\n')
  write('repo/bare/HEAD', 'ref: refs/heads/main\n')
  write('repo/bare/objects/keep', '')
  write('repo/.npmrc', 'ignore-scripts=true\n')
  const git = (...argv: string[]) => execFileSync('git', ['-C', at('repo'), ...argv], { stdio: 'pipe' })
  git('init', '-q', '-b', 'main', '--template=')
  git('add', '-A')
  git('-c', 'user.name=t', '-c', 'user.email=t@t.invalid', 'commit', '-qm', 'start')
  git('repack', '-adq')
  git('prune-packed', '-q')
  writeFileSync(at('repo/.git/description'), secrets.git)
  symlinkSync(at('outside'), at('repo/out'))
  symlinkSync(at('outside/secret.txt'), at('repo/outfile.txt'))
  symlinkSync('a.ts', at('repo/src/link-inside.ts'))
  symlinkSync('.git', at('repo/link-git'))
  linkSync(at('shared.txt'), at('repo/hard.txt'))
  execFileSync('mkfifo', [at('repo/fifo')])

  const ran: string[][] = []
  const walls = none(defaultCommandLimits)
  const sandbox: Sandbox = {
    ...walls,
    run(command) {
      ran.push([...command.argv])
      return walls.run(command)
    },
  }
  const fetched: string[] = []
  const fetch = async (url: unknown) => {
    fetched.push(String(url))
    return new Response('text', { headers: { 'content-type': 'text/plain' } })
  }
  const worktree = plainWorktree(at('repo'))
  const place = { root: at('repo'), worktree }
  const env = { PATH: `${at('bin')}:/usr/bin:/bin` }
  const benches = new Map(
    roles.map((role) => {
      const input = role === narrow ? { subtask: { files: ['lib/b.ts'] } } : {}
      return [role.id, openBench(role, place, { sandbox, env, home: at('outside'), input, fetch })] as const
    }),
  )
  const spare = `${top}-spare`
  cpSync(top, spare, { recursive: true, verbatimSymlinks: true, filter: (path) => !lstatSync(path).isFIFO() })
  let whole = picture(top)
  let touched: string[] = []
  const restless = (path: string) => path === at('repo/.git/index') || path === at('repo/.git')
  const changed = () => {
    const now = picture(top)
    const paths = new Set([...whole.keys(), ...now.keys()])
    touched = [...paths].filter((path) => whole.get(path) !== now.get(path) && !restless(path)).sort()
    return touched
  }
  /** Puts one path back; false where that is not so simple. */
  const mended = (path: string): boolean => {
    const was = whole.get(path)
    if (was === undefined) rmSync(path, { recursive: true, force: true })
    else if (
      was.startsWith('file ') &&
      path !== at('repo/hard.txt') &&
      lstatSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()
    ) {
      rmSync(path, { recursive: true, force: true })
      cpSync(join(spare, relative(top, path)), path)
      whole.set(path, entryOf(lstatSync(path, { bigint: true })))
    } else return false
    return true
  }
  return {
    top,
    root: at('repo'),
    secrets,
    benches,
    ran,
    fetched,
    changed,
    mend() {
      ran.length = 0
      fetched.length = 0
      for (const { told } of benches.values()) for (const list of Object.values(told)) list.length = 0
      const paths = touched
      touched = []
      if (paths.every(mended)) return
      for (const name of readdirSync(top)) rmSync(join(top, name), { recursive: true, force: true })
      cpSync(spare, top, { recursive: true, verbatimSymlinks: true })
      rmSync(at('repo/hard.txt'))
      linkSync(at('shared.txt'), at('repo/hard.txt'))
      execFileSync('mkfifo', [at('repo/fifo')])
      whole = picture(top)
    },
    remove() {
      rmSync(top, { recursive: true, force: true })
      rmSync(spare, { recursive: true, force: true })
    },
  }
}

/** Every path below a folder, and what tells whether it was touched. */
function picture(top: string): Map<string, string> {
  const found = new Map<string, string>()
  const add = (path: string, stat: BigIntStats): void => {
    found.set(path, entryOf(stat))
    if (!stat.isDirectory()) return
    for (const name of readdirSync(path)) add(join(path, name), lstatSync(join(path, name), { bigint: true }))
  }
  add(top, lstatSync(top, { bigint: true }))
  return found
}

function entryOf(stat: BigIntStats): string {
  const { mode, ino, size, mtimeNs } = stat
  // A folder changes when a name in it does, which its entries tell.
  if (stat.isDirectory()) return `folder ${mode}`
  return `${stat.isFile() ? 'file' : 'special'} ${mode} ${ino} ${size} ${mtimeNs}`
}

/** What a file holds now; undefined where there is no regular file. */
export function textAt(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? readFileSync(path, 'utf8') : undefined
}
