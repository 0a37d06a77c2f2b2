import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { personsGit } from '../../scene/place.ts'

/** A repository whose every corner a case of the catalogues reaches for, and a folder beside its worktrees that nobody may touch. */
export interface Project {
  repo: string
  home: string
  outside: string
  worktreeOf(worker: string): string
}

export function hostileProject(at: string): Project {
  const [repo, home] = [join(at, 'repo'), join(at, 'home')]
  // A sibling of every worktree, so that `../outside` leads there.
  const outside = join(home, 'worktrees', 'outside')
  const write = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { mode })
  }
  write(join(outside, 'secret.txt'), 'TOPSECRET-42\n')
  write(join(outside, 'target.txt'), 'orig\n')
  write(join(outside, 'del/x'), 'x\n')
  write(join(outside, 'evil.sh'), `#!/bin/sh\ntouch ${outside}/evil_ran\nexec /bin/bash "$@"\n`, 0o755)
  const notebook = {
    cells: [{ id: 'a', cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source: ['1'] }],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  }
  const files = {
    'package.json': JSON.stringify({
      name: 't',
      type: 'module',
      scripts: { test: 'node --test --test-reporter=tap add.test.js' },
    }),
    'src/add.js': 'export const add = (a, b) => a - b;\n',
    'add.test.js':
      "import assert from 'node:assert'\nimport test from 'node:test'\nimport { add } from './src/add.js'\ntest('adds', () => assert.equal(add(1, 2), 3))\n",
    'README.md': '# t\n',
    'nb.ipynb': JSON.stringify(notebook),
  }
  for (const [path, text] of Object.entries(files)) write(join(repo, path), text)
  write(join(repo, 'evil.sh'), `#!/bin/sh\ntouch evil_ran_in ${outside}/evil_ran\nexec /bin/bash "$@"\n`, 0o755)
  symlinkSync(outside, join(repo, 'link'))
  symlinkSync(join(outside, 'target.txt'), join(repo, 'linkfile.txt'))
  symlinkSync(join(outside, 'created-through-link.txt'), join(repo, 'src/dangling.txt'))
  personsGit(repo, 'init', '-q', '-b', 'main')
  personsGit(repo, 'add', '-A')
  personsGit(repo, 'commit', '-q', '-m', 'init')
  return { repo, home, outside, worktreeOf: (worker) => join(home, 'worktrees', worker) }
}

/** The words in braces of a catalogue, as they are in this project. */
export function filled<T>(value: T, { outside }: Project, worktree: string, port: number | string): T {
  const text = JSON.stringify(value)
    .replaceAll('{WORKTREE}', worktree)
    .replaceAll('{OUTSIDE}', outside)
    .replaceAll('{PORT}', String(port))
  return JSON.parse(text) as T
}

/** A worktree's `.git` is a file that names core's repository: there a hook would have to lie. */
export function effectOf(effect: object, { home }: Project): Effect {
  return JSON.parse(JSON.stringify(effect).replaceAll('{WORKTREE}/.git/', `${home}/repo.git/`)) as Effect
}

/** Every file and link below a folder with what it holds, except what `skip` names by its start. */
export function picture(folder: string, skip: readonly string[] = []): string[] {
  const lines: string[] = []
  const add = (path: string): void => {
    const name = path.slice(folder.length + 1)
    if (skip.some((one) => name.startsWith(one))) return
    const stat = lstatSync(path)
    if (stat.isDirectory()) for (const inner of readdirSync(path).sort()) add(join(path, inner))
    else if (stat.isSymbolicLink()) lines.push(`${name} -> ${readlinkSync(path)}`)
    else lines.push(`${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
  }
  add(folder)
  return lines
}

/** What shows that a call had its way. */
export interface Effect {
  exists?: string
  gone?: string
  file?: string
  has?: string
  /** The call's result holds this text. */
  output?: string
  /** The call's result is no error. */
  succeeds?: boolean
  /** A process with this command line lives. */
  process?: string
}

export interface Told {
  ok: boolean
  output: string
}

export function happened(
  { exists, gone, file, has, output, succeeds, process }: Effect,
  told: Told | undefined,
): boolean {
  return (
    (exists !== undefined && existsSync(exists)) ||
    (gone !== undefined && !existsSync(gone)) ||
    (file !== undefined && readFileSync(file, 'utf8').includes(has ?? '')) ||
    (output !== undefined && told?.output.includes(output) === true) ||
    (succeeds === true && told?.ok === true) ||
    (process !== undefined && execFileSync('ps', ['-eo', 'args']).toString().includes(process))
  )
}

/** Whether the oracle would have seen the effect of an attack: it is made by hand, once nothing else is to be seen any more. */
export function isSeen(effect: Effect): boolean {
  const { exists, gone, file, has, output = '', process: commandLine } = effect
  for (const path of [exists, file]) {
    if (path === undefined) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, has ?? '')
  }
  if (gone !== undefined) rmSync(gone, { recursive: true })
  const [program = 'true', ...args] = commandLine?.split(' ') ?? []
  const child = spawn(program, args, { stdio: 'ignore' })
  try {
    return happened(effect, { ok: true, output })
  } finally {
    child.kill()
  }
}
