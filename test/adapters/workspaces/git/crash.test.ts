import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { gitWorkspaces } from '../../../../adapters/workspaces/git.ts'
import { type Repository, removeTemporary, temporary, writeFiles } from '../repository.ts'
import { begin, change } from '../world.ts'

afterAll(removeTemporary)

const work = fileURLToPath(new URL('../work.ts', import.meta.url))

/** A git that kills the process that called it, at the call whose number or command is told. */
function deadlyGit(when: { call?: number; command?: string; before?: boolean; slow?: boolean }): string {
  const folder = temporary('deadly')
  const condition =
    when.command === undefined
      ? `[ "$n" = ${when.call} ]`
      : `case " $* " in *" ${when.command} "*) true;; *) false;; esac`
  const script = `#!/bin/sh
n=$(cat ${folder}/calls 2>/dev/null || echo 0); n=$((n + 1)); echo $n > ${folder}/calls
if ${condition}; then
  touch ${folder}/fired
  ${when.before ? 'kill -9 $PPID; exit 1' : ''}
  ${when.slow ? `kill -9 $PPID; sleep 1; git "$@"; touch ${folder}/ended; exit` : ''}
  git "$@"; kill -9 $PPID; exit
fi
exec git "$@"
`
  writeFiles(folder, { git: { run: script } })
  return join(folder, 'git')
}

function start(root: string, home: string, bin: string, ...call: string[]): ChildProcess {
  return spawn(process.execPath, [work, root, home, bin, JSON.stringify(call)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function ended(child: ChildProcess): Promise<{ signal: string | null; output: string }> {
  let output = ''
  child.stdout?.on('data', (chunk) => (output += chunk))
  child.stderr?.on('data', (chunk) => (output += chunk))
  return new Promise((resolve) => child.once('exit', (_, signal) => resolve({ signal, output })))
}

const whole = (person: Repository) => ({
  status: person.git('status', '--porcelain'),
  fsck: person.git('fsck', '--strict'),
  locks: readdirSync(join(person.path, '.git')).filter((name) => name.includes('lock')),
  keeps: readdirSync(join(person.path, '.git/objects/pack')).filter((name) => /\.keep$|draft/.test(name)),
})
const clean = { status: '', fsck: '', locks: [], keeps: [] }

describe('kill -9', () => {
  test('after any call of git during a landing: repeated, it has landed once and whole', {
    timeout: 90_000,
  }, async () => {
    const { person, home, base, workspaces } = await begin({ 'a.txt': '0\n', 'gone-0.txt': 'x', 'd/b.txt': '0\n' })
    let from = base
    let survived = 0
    let call = 6
    for (; survived === 0 && call < 40; call++) {
      const worktree = await workspaces.checkout('w', from)
      rmSync(join(worktree.path, `gone-${call - 6}.txt`))
      writeFiles(worktree.path, { 'a.txt': `${call}\n`, [`gone-${call - 5}.txt`]: 'x', 'd/b.txt': `${call}\n` })
      const to = (await worktree.save({ message: 'm', author: { name: 'w', email: 'w' }, at: call }))!.commit
      const { signal, output } = await ended(start(person.path, home, deadlyGit({ call }), 'land', 'main', from, to))
      if (signal === null) {
        expect(JSON.parse(output)).toEqual({ status: 'landed' })
        survived++
      }
      expect(await workspaces.land('main', from, to)).toEqual({ status: 'landed' })
      expect({ call, ...whole(person) }).toEqual({ call, ...clean })
      expect(person.git('rev-parse', 'HEAD')).toBe(to)
      from = to
    }
    // It was killed at more than a few places, and at last came through.
    expect(survived).toBe(1)
    expect(call).toBeGreaterThan(18)
  })

  test('between the branch and the files: opening the repository again is enough', async () => {
    const { person, home, base, workspaces } = await begin()
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n', 'n/n.txt': 'new\n' })
    await ended(start(person.path, home, deadlyGit({ command: 'update-ref' }), 'land', 'main', base, to))
    expect(person.git('rev-parse', 'HEAD')).toBe(to)
    expect(existsSync(join(person.path, '.git/index.lock'))).toBe(true)
    await gitWorkspaces({ root: person.path, home })
    expect(whole(person)).toEqual(clean)
    expect(readFileSync(join(person.path, 'n/n.txt'), 'utf8')).toBe('new\n')
  })

  test('among the files: what it wrote in part is written whole, what the person wrote since is never lost', async () => {
    for (const edited of [false, true]) {
      const { person, home, base, workspaces } = await begin({
        'a.txt': 'one\n',
        'b.txt': 'two\n',
        'c.txt': 'three\n',
        'd.txt': '4\n',
      })
      const long = 'a long line of text\n'.repeat(100)
      const to = await change(workspaces, 'w', base, {
        'a.txt': long,
        'b.txt': 'TWO\n',
        'new.txt': long,
        'c.txt': 'THREE\n',
      })
      await ended(start(person.path, home, deadlyGit({ command: 'update-ref' }), 'land', 'main', base, to))
      writeFileSync(join(person.path, 'a.txt'), long.slice(0, 777))
      writeFileSync(join(person.path, 'new.txt'), '')
      unlinkSync(join(person.path, 'b.txt'))
      if (edited) writeFileSync(join(person.path, 'c.txt'), 'of the person\n')
      const result = await workspaces.land('main', base, to)
      if (!edited) {
        expect(result).toEqual({ status: 'landed' })
        expect(whole(person)).toEqual(clean)
        continue
      }
      expect(result).toEqual({ status: 'dirty', checkout: person.path, files: ['c.txt'] })
      expect(person.git('rev-parse', 'HEAD')).toBe(base)
      expect({ ...whole(person) }).toEqual({ ...clean, status: ' M c.txt' })
      expect(readFileSync(join(person.path, 'c.txt'), 'utf8')).toBe('of the person\n')
      person.git('stash', '--quiet')
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    }
  })

  test('where the person removed the lock themselves, a landing between branch and files is still finished', async () => {
    const { person, home, base, workspaces } = await begin()
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n' })
    await ended(start(person.path, home, deadlyGit({ command: 'update-ref' }), 'land', 'main', base, to))
    unlinkSync(join(person.path, '.git/index.lock'))
    expect(person.git('status', '--porcelain')).toBe('M  a.txt')
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    expect(whole(person)).toEqual(clean)
  })

  test('a git that outlives its process is waited for', async () => {
    const { person, home, base, workspaces } = await begin()
    const next = person.commit({ 'a.txt': 'two\n', 'more.txt': '1' })
    await workspaces.tip('main')
    const bin = deadlyGit({ command: 'read-tree', slow: true })
    await ended(start(person.path, home, bin, 'checkout', 'w', next))
    const again = await gitWorkspaces({ root: person.path, home })
    const worktree = await again.checkout('w', base)
    expect(existsSync(join(bin, '../ended'))).toBe(true)
    expect(await worktree.changes()).toEqual([])
    expect(await worktree.files()).toEqual(['a.txt', 'src/b.txt'])
  })

  test('at any moment of a checkout: repeated, it is whole', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 800 }, (_, n) => [`d${n % 20}/f${n}.txt`, `${n}\n`.repeat(50)]),
    )
    const { person, home, base, workspaces } = await begin(files)
    const next = person.commit(Object.fromEntries(Object.keys(files).map((name) => [name, 'changed\n'])))
    await workspaces.tip('main')
    await workspaces.checkout('w', base)
    const admin = join(home, 'repo.git/worktrees/w')
    const lock = join(admin, 'index.lock')
    let leftLocked = 0
    for (let turn = 0; turn < 8; turn++) {
      const child = start(person.path, home, 'git', 'checkout', 'w', turn % 2 === 0 ? next : base)
      const end = ended(child)
      while (child.exitCode === null && !existsSync(lock)) await sleep(1)
      await sleep(turn * 4)
      // The whole group: git itself too, with its lock in its hand.
      if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
      await end
      if (existsSync(lock)) leftLocked++
    }
    expect(leftLocked).toBeGreaterThan(0)
    const worktree = await workspaces.checkout('w', base)
    expect(await worktree.changes()).toEqual([])
    for (const spoil of [
      () => rmSync(admin, { recursive: true }),
      () => rmSync(worktree.path, { recursive: true }),
      () => writeFileSync(join(admin, 'index'), 'garbage'),
      () => writeFileSync(join(admin, 'HEAD'), ''),
      () => {
        rmSync(worktree.path, { recursive: true })
        writeFileSync(worktree.path, 'a file')
      },
    ]) {
      spoil()
      const repaired = await workspaces.checkout('w', next)
      expect(await repaired.changes()).toEqual([])
      expect(await repaired.files()).toHaveLength(800)
    }
  })
})
