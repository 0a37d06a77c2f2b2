import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { none } from '../../adapters/sandboxes/none.ts'
import { findSandbox, openSandbox } from '../../adapters/sandboxes/open.ts'
import { protectedPaths } from '../../core/boundary/protected.ts'
import type { CommandResult, Sandbox } from '../../core/ports/sandbox.ts'
import gateCases from '../cases/escapes.json' with { type: 'json' }
import sandboxCases from '../cases/sandbox-escapes.json' with { type: 'json' }

const limits = { memoryMb: 256, processes: 200, fileMb: 64, freeMb: 0 }
const secret = 'TOPSECRET'

interface Attack {
  id: string
  technique: string
  argv: readonly string[]
  env?: Readonly<Record<string, string>>
  limit?: string
  exit?: number
}

interface Input {
  command?: unknown
  argv?: readonly string[]
  env?: Record<string, string>
}

/** What a case of the gate is when nobody asks the gate; a string when it is no command, and why. */
function attackOf({ id, tool, input, technique }: (typeof gateCases)[number]): Attack | string {
  if (tool !== 'run_tests' && tool !== 'run_command') return `an input of ${tool}, which starts no process`
  const { command, argv, env } = (input ?? {}) as Input
  const base = { id, technique, ...(env && { env }) }
  if (argv?.every((word) => typeof word === 'string')) return { ...base, argv }
  if (typeof command === 'string') return { ...base, argv: ['bash', '-c', command] }
  const words = (command as Input | undefined)?.argv ?? command
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return { ...base, argv: words }
  return 'no command: the schema is all there is to refuse it'
}

const gate = gateCases
  .filter(({ id }) => /^(SH|GA|RL|OK)-/.test(id))
  .map((one) => ({ id: one.id, attack: attackOf(one) }))
const own = sandboxCases.map((one) => {
  const { id, technique, limit, exit } = one
  const argv = one.sh !== undefined ? ['bash', '-c', one.sh] : ['node', '-e', one.node ?? '']
  const attack: Attack = { id, technique, argv, ...(limit && { limit }), ...(exit !== undefined && { exit }) }
  return { id, attack: one.elsewhere ?? attack }
})
const attacks = [...gate, ...own].flatMap(({ attack }) => (typeof attack === 'string' ? [] : [attack]))
const elsewhere = [...gate, ...own].filter(({ attack }) => typeof attack === 'string')

/** A worktree as codeband makes it, with every trap that the cases speak of, in a state folder with other people's files. */
function openRoom() {
  const room = realpathSync(mkdtempSync(join(tmpdir(), 'codeband-escapes-')))
  const at = (...parts: string[]) => join(room, ...parts)
  const git = (...argv: string[]) =>
    execFileSync('git', argv, { env: { PATH: process.env.PATH!, HOME: room }, stdio: 'pipe', encoding: 'utf8' })
  const write = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), text)
    chmodSync(at(path), mode)
  }
  for (const path of ['outside/secret.txt', 'hosthome/.ssh/id_ed25519', 'hosthome/.netrc', 'hosthome/.aws/credentials'])
    write(path, `${secret}\n`)
  write('state/band.db', secret)
  write('state/agents/other/home/session.jsonl', secret)
  mkdirSync(at('state/agents/coder'), { recursive: true })
  write('seed/f.txt', 'hi\n')
  write('seed/package.json', '{ "name": "x", "scripts": { "test": "node -e 0" } }\n')
  for (const path of ['.npmrc', '.github/workflows/ci.yml', '.agents/coder.ts', 'codeband.config.ts'])
    write(`seed/${path}`, '# before\n')
  write('seed/p.sh', '#!/bin/sh\ntouch "$TRAP"\n', 0o755)
  write('seed/npm', '#!/bin/sh\ntouch "$TRAP"\n', 0o755)
  write('seed/p.cjs', "require('fs').writeFileSync(process.env.TRAP, '')\n")
  write('seed/evil/package.json', '{ "scripts": { "test": "touch \\"$TRAP\\"" } }\n')
  write('seed/evil-template/hooks/post-checkout', '#!/bin/sh\ntouch "$TRAP"\n', 0o755)
  git('-C', at('seed'), 'init', '-q', '-b', 'main')
  git('-C', at('seed'), 'add', '-A')
  git('-C', at('seed'), '-c', 'user.name=t', '-c', 'user.email=t@t.invalid', 'commit', '-qm', 'start')
  git('clone', '-q', '--bare', at('seed'), at('state/repo.git'))
  rmSync(at('seed'), { recursive: true })
  git('--git-dir', at('state/repo.git'), 'worktree', 'add', '-q', '--detach', at('state/worktrees/coder'), 'main')
  return { room, worktree: at('state/worktrees/coder'), home: at('state/agents/coder'), at }
}

type Room = ReturnType<typeof openRoom>

/** Everything below a folder, as one text: kinds, modes and contents. */
function picture(folder: string, skip: readonly string[] = []): string {
  const lines: string[] = []
  const add = (path: string): void => {
    if (skip.includes(path)) return
    const stat = lstatSync(path)
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name))
    else if (stat.isSymbolicLink()) lines.push(`${path} -> ${readlinkSync(path)}`)
    else if (stat.isFile()) lines.push(`${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
  }
  if (existsSync(folder)) add(folder)
  return lines.join('\n')
}

function fill(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{([A-Z]+)\}/g, (all, name: string) => words[name] ?? all)
}

describe.runIf('works' in (await findSandbox()))('the sandbox alone, with nobody at the gate', () => {
  let walled: Sandbox
  let held: Room
  let bare: Room
  let reached = 0
  const servers: Server[] = []
  const words: Record<string, string> = {}

  beforeAll(async () => {
    walled = await openSandbox('required', limits)
    held = openRoom()
    bare = openRoom()
    const abstract = `codeband-escapes-${process.pid}`
    for (const to of [{ port: 0, host: '127.0.0.1' }, { path: held.at('outside/socket') }, { path: `\0${abstract}` }]) {
      const server = createServer((socket) => {
        reached++
        socket.destroy()
      })
      await new Promise<void>((done) => server.listen(to, done))
      servers.push(server)
    }
    const { port } = servers[0]!.address() as { port: number }
    Object.assign(words, {
      TCP: `${port}`,
      SOCKET: held.at('outside/socket'),
      ABSTRACT: abstract,
      PID: `${process.pid}`,
    })
  })
  afterAll(() => {
    for (const server of servers) server.close()
    for (const { room } of [held, bare]) rmSync(room, { recursive: true, force: true })
  })

  async function attempt(
    sandbox: Sandbox,
    { worktree, home, at }: Room,
    { id, argv, env }: Attack,
  ): Promise<{ result: CommandResult; canary: string }> {
    const NAME = `canary-${id}`
    const canary = at('outside', NAME)
    const places = { ROOT: worktree, OUTSIDE: at('outside'), STORE: at('state/repo.git'), STATE: at('state') }
    const all = { ...words, ...places, CANARY: canary, NAME, HOSTHOME: at('hosthome') }
    const filled = Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, fill(value, all)]))
    const result = await sandbox.run({
      argv: argv.map((word) => fill(word, all)),
      cwd: worktree,
      worktree,
      writable: true,
      protect: protectedPaths,
      readable: [at('state/repo.git')],
      home,
      network: [],
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, TRAP: canary, ...filled },
      // One of them is a chain of a hundred test runs.
      timeoutMs: id === 'SH-052' ? 1_000 : 10_000,
      maxOutput: 64_000,
    })
    return { result, canary }
  }

  test.each(attacks.map((one) => [one.id, one.technique, one] as const))(
    '%s %s stays inside',
    async (_, __, attack) => {
      const { at, worktree } = held
      const mine = protectedPaths.map((path) => join(worktree, path))
      const outsideOf = () => picture(held.room, [worktree, held.home, at('state/repo.git/worktrees')])
      const protectedOf = () => mine.map((path) => picture(path)).join('\n')
      const before = [outsideOf(), protectedOf(), readFileSync('/proc/sys/kernel/core_pattern', 'utf8')]
      const { result, canary } = await attempt(walled, held, attack)
      expect(existsSync(canary)).toBe(false)
      expect([outsideOf(), protectedOf(), readFileSync('/proc/sys/kernel/core_pattern', 'utf8')]).toEqual(before)
      expect(reached).toBe(0)
      const decoded = Buffer.from(result.output, 'base64').toString('latin1') + Buffer.from(result.output, 'hex')
      expect(result.output + decoded).not.toContain(secret)
      expect(result.output).not.toMatch(/^(REACHED|MOVED)$/m)
      expect(
        readdirSync(worktree)
          .filter((name) => /^\.(git|claude|codex|npmrc|mcp\.json|github)$/i.test(name))
          .sort(),
      ).toEqual(['.git', '.github', '.npmrc'])
      if (attack.limit !== undefined) expect(result.limit).toBe(attack.limit)
      if (attack.exit !== undefined) expect(result.exitCode).toBe(attack.exit)
      if (attack.id === 'NX-019') {
        await sleep(300)
        expect(existsSync(canary)).toBe(false)
      }
    },
  )

  test('the same attacks without walls do reach their canaries, so the silence above means something', async () => {
    const fired: string[] = []
    const quiet: string[] = []
    const only = attacks.filter(
      ({ id, argv, env }) => /^(SH|GA)-/.test(id) && /CANARY|p\.sh|p\.cjs|evil|npm/.test(JSON.stringify([argv, env])),
    )
    for (const attack of only) {
      const { canary } = await attempt(none(limits), bare, attack)
      if (existsSync(canary)) fired.push(attack.id)
      else quiet.push(attack.id)
      rmSync(canary, { force: true })
    }
    expect(fired.length, `quiet: ${quiet.join(' ')}`).toBeGreaterThanOrEqual(28)
  }, 60_000)

  test('every case is either run or says where it is proved', () => {
    expect(attacks.length + elsewhere.length).toBe(gate.length + own.length)
    expect(new Set(elsewhere.map(({ id }) => id.slice(0, 2)))).toEqual(new Set(['GA', 'RL', 'OK', 'NX', 'SC', 'SE']))
    console.info(
      `${attacks.length} run, ${elsewhere.length} elsewhere: ${elsewhere.map(({ id, attack }) => `${id} (${attack})`).join('; ')}`,
    )
  })
})
