import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findBubblewrap } from '../../../adapters/sandboxes/bubblewrap.ts'
import { none } from '../../../adapters/sandboxes/none.ts'
import { findSandbox, openSandbox } from '../../../adapters/sandboxes/open.ts'
import { selfTest } from '../../../adapters/sandboxes/self-test.ts'
import { defaultCommandLimits as limits } from '../../../core/config.ts'
import { CodebandError } from '../../../core/errors.ts'

const room = realpathSync(mkdtempSync(join(tmpdir(), 'codeband-open-')))
afterAll(() => rmSync(room, { recursive: true, force: true }))
let count = 0

/** A folder with a `bwrap` of that text. */
function place(text: string): string[] {
  const folder = mkdtempSync(join(room, `${count++}-`))
  writeFileSync(join(folder, 'bwrap'), text)
  chmodSync(join(folder, 'bwrap'), 0o755)
  return [folder]
}

test('off is none, whatever is installed', async () => {
  expect((await openSandbox('off', limits)).kind).toBe('none')
})

test('required gives walls or refuses, if-available gives whatever there is', async () => {
  const required = await openSandbox('required', limits).catch((error: unknown) => error)
  const available = await openSandbox('if-available', limits)
  if (required instanceof Error) {
    expect(CodebandError.is(required)).toBe(true)
    expect(available.kind).toBe('none')
  } else {
    expect(required).toMatchObject({ kind: 'bubblewrap' })
    expect(available.kind).toBe('bubblewrap')
  }
})

test('where there is no bwrap, required refuses with the cure and if-available is none (NX-023)', async () => {
  const empty = [mkdtempSync(join(room, 'empty-'))]
  const refused = await openSandbox('required', limits, empty).catch((error: unknown) => error)
  expect(CodebandError.is(refused, 'CB_SANDBOX_MISSING')).toBe(true)
  expect(String(refused)).toMatch(/was not found\. Install it \(Debian: `apt install bubblewrap`\)/)
  expect((await openSandbox('if-available', limits, empty)).kind).toBe('none')
})

test('a bwrap that cannot start anything is as good as none (NX-023)', async () => {
  const broken = place(
    '#!/bin/sh\n[ "$1" = --help ] && exit 0\necho "bwrap: No permissions to create new namespace" >&2; exit 1\n',
  )
  const refused = await openSandbox('required', limits, broken).catch((error: unknown) => error)
  expect(CodebandError.is(refused, 'CB_SANDBOX_MISSING')).toBe(true)
  expect(String(refused)).toMatch(/cannot run a command here: bwrap: No permissions.*Allow user namespaces/)
})

const linux = process.platform === 'linux'

test.runIf(linux)('without any wall the self-test gets over nearly all of them', async () => {
  const result = await selfTest(none(limits))
  const over = 'walls' in result ? result.walls.filter(({ holds }) => !holds).map(({ name }) => name) : []
  expect(over).toEqual(
    expect.arrayContaining([
      'files',
      'protected',
      'repository',
      'network',
      'sockets',
      'processes',
      'environment',
      'kernel',
    ]),
  )
})

const installed = await findBubblewrap()
const sound = !('missing' in installed) && 'works' in (await findSandbox())

/** What a bwrap that somebody has weakened does with its options, as lines of a Node program, and the wall that must be seen to fall. */
const ownStatus = process.platform === 'linux' ? readFileSync('/proc/self/status', 'latin1') : ''
const weakenings = [
  ['leaves the network as it is', 'network', "args.splice(args.indexOf('--unshare-all') + 1, 0, '--share-net')"],
  ['leaves the network as it is', 'sockets', "args.splice(args.indexOf('--unshare-all') + 1, 0, '--share-net')"],
  ['shows the whole file system', 'files', "args.splice(end, 0, '--ro-bind', '/', '/host')"],
  [
    'shares the temporary files',
    'files',
    `args.splice(end, 0, '--bind', '${realpathSync(tmpdir())}', '${realpathSync(tmpdir())}')`,
  ],
  [
    'shares the temporary files',
    'sockets',
    `args.splice(end, 0, '--bind', '${realpathSync(tmpdir())}', '${realpathSync(tmpdir())}')`,
  ],
  ['shows the sockets of services', 'sockets', "args.splice(end, 0, '--ro-bind', '/run', '/run')"],
  ['forgets the protected paths', 'protected', "drop('--ro-bind', (path) => path.includes('/worktree/'))"],
  ['forgets that what is readable is not writable', 'repository', "rename('--ro-bind-try', '--bind')"],
  [
    'shares the processes',
    'processes',
    "unshare(['--unshare-user', '--unshare-net', '--unshare-ipc', '--unshare-uts']); rename('--proc', '--ro-bind', '/proc', '/proc')",
  ],
  [
    'passes its own environment on',
    'environment',
    "args.splice(args.indexOf('--clearenv'), 1); env = { LEAKED: 'of the host' }",
  ],
  ['keeps the session', 'session', "args.splice(args.indexOf('--new-session'), 1)"],
  ['shows the devices', 'kernel', "rename('--dev', '--dev-bind', '/dev', '/dev')"],
  // Where codeband itself runs under a filter, there is one in any case.
  ...(/^Seccomp:\t0$/m.test(ownStatus)
    ? [['lets keyrings be asked', 'kernel', "args.splice(args.indexOf('--seccomp'), 2)"] as const]
    : []),
  ['shows the tables of the kernel', 'kernel', "args.splice(end, 0, '--ro-bind', '/sys', '/sys')"],
] as const
const asRoot = [
  ['keeps capabilities', 'capabilities', "args.splice(args.indexOf('--cap-drop'), 2, '--cap-add', 'ALL')"],
  [
    'lets mount',
    'mounts',
    "args.splice(args.indexOf('--cap-drop'), 2, '--cap-add', 'ALL'); args.splice(args.indexOf('--disable-userns'), 1)",
  ],
  [
    'lets the settings of the kernel be written',
    'kernel',
    "for (const at of [args.indexOf('/proc', args.indexOf('--remount-ro'))]) args.splice(at - 1, 2)",
  ],
] as const

/** A bwrap that does the same as the real one, with other options. */
const weakened = (program: string, change: string): string => `#!${process.execPath}
const { readFileSync } = require('node:fs')
const { spawnSync } = require('node:child_process')
const given = process.argv.slice(2)
if (given[0] === '--help') process.exit(spawnSync(${JSON.stringify(program)}, ['--help'], { stdio: 'inherit' }).status)
const args = readFileSync(3, 'utf8').split('\0').slice(0, -1)
const end = args.indexOf('--remount-ro')
const drop = (name, which) => {
  for (let at = args.length - 3; at >= 0; at--) if (args[at] === name && which(args[at + 1])) args.splice(at, 3)
}
const rename = (name, other, ...values) => {
  for (let at = 0; at < args.length; at++) {
    if (args[at] !== name) continue
    args[at] = other
    if (values.length > 0) args.splice(at + 1, 1, ...values)
  }
}
const unshare = (names) => args.splice(args.indexOf('--unshare-all'), 1, ...names)
let env = {}
${change}
const stdio = ['inherit', 'inherit', 'inherit', 'ignore', 4, 5, 6, 7, 8, 9]
const { status } = spawnSync(${JSON.stringify(program)}, [...args, ...given.slice(given.indexOf('--'))], { stdio, env })
process.exit(status ?? 137)
`

describe.runIf(sound)('a bwrap that somebody has weakened', () => {
  const program = 'missing' in installed ? '' : installed.program
  const all = process.getuid?.() === 0 ? [...weakenings, ...asRoot] : weakenings
  test.each(all)('and that %s is refused: %s', async (_, wall, change) => {
    const places = place(weakened(program, change))
    const found = await findSandbox(places)
    expect('leaks' in found ? found.leaks.map(({ name }) => name) : found).toContain(wall)
    const refused = await openSandbox('required', limits, places).catch((error: unknown) => error)
    expect(CodebandError.is(refused, 'CB_SANDBOX_LEAKS')).toBe(true)
    expect(String(refused)).toContain(`(${wall})`)
    expect((await openSandbox('if-available', limits, places)).kind).toBe('none')
  })

  test('is told from one that passes everything on', async () => {
    expect(await findSandbox(place(weakened(program, '')))).toMatchObject({ works: {} })
  })
})
