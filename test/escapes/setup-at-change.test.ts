import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { baseEnv } from '../../adapters/host.ts'
import { findSandbox, openSandbox } from '../../adapters/sandboxes/open.ts'
import { gitWorkspaces } from '../../adapters/workspaces/git.ts'
import { defaultCommandLimits, packageRegistries } from '../../core/config.ts'
import type { Runtime } from '../../core/runtime/runtime.ts'
import { homeEnv, prepareWorktree } from '../../core/runtime/setup.ts'
import { openSlots } from '../../core/runtime/slots.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'

/** What an installer does: it asks for whatever the manifest names. */
const installer = `
  const { dependencies } = JSON.parse(require('node:fs').readFileSync('package.json', 'utf8'))
  Promise.all(Object.values(dependencies).map(async (url) => {
    if (!(await fetch(url)).ok) throw new Error(url)
  })).catch(() => process.exit(1))`
const settingUp = openSlots(Number.POSITIVE_INFINITY)
const walled = 'works' in (await findSandbox())

test.runIf(walled)(
  'a host that only a change under review names is not reached when setup runs at it',
  { timeout: 60_000 },
  async () => {
    const heard: string[] = []
    const canary = createServer(({ url = '' }, response) => {
      heard.push(url)
      response.writeHead(404).end()
    })
    await new Promise<void>((done) => canary.listen(0, '127.0.0.1', done))
    onTestFinished(() => void canary.close())
    const { port } = canary.address() as { port: number }

    const at = place()
    const manifest = (dependencies: object) => JSON.stringify({ name: 'a', version: '1.0.0', dependencies })
    const repo = repositoryOf(join(at, 'repo'), { 'package.json': manifest({}), '.gitignore': 'node_modules\n' })
    personsGit(repo, 'switch', '-qc', 'change')
    writeFileSync(join(repo, 'package.json'), manifest({ evil: `http://localhost:${port}/evil.tgz` }))
    personsGit(repo, 'commit', '-qam', 'one more dependency')

    async function setUp(network: readonly string[]): Promise<unknown> {
      const home = join(at, 'home')
      const own = join(home, 'agents/coder-0')
      const workspaces = await gitWorkspaces({ root: repo, home })
      try {
        const [base, change] = [await workspaces.tip('main'), await workspaces.tip('change')]
        const hostEnv = { npm_config_registry: 'http://127.0.0.1:9/' }
        const runtime = {
          ...{ workspaces, home, hostEnv, stopping: new AbortController().signal, settingUp },
          sandbox: await openSandbox('required', defaultCommandLimits),
          config: { setup: [['node', '-e', installer]], network, limits: { commandMinutes: 1 } },
        } as unknown as Runtime
        return await prepareWorktree(
          runtime,
          { name: 'coder-0', home: own, env: { ...baseEnv({ env: process.env }), ...homeEnv(own) } },
          base,
          change,
        ).catch((error) => error)
      } finally {
        await workspaces.close()
        rmSync(home, { recursive: true, force: true })
      }
    }

    expect(await setUp(packageRegistries)).toMatchObject({
      code: 'CB_SETUP_FAILED',
      message: expect.stringContaining(
        `\`setup\` wanted localhost:${port}, with the files of a change that is not reviewed yet; add it to \`network\``,
      ),
    })
    expect(heard).toEqual([])
    // Where a person has named it, it is asked.
    expect(await setUp([`localhost:${port}`])).toMatchObject({ code: 'CB_SETUP_FAILED' })
    expect(new Set(heard)).toEqual(new Set(['/evil.tgz']))
  },
)

test('a change that only waits to land has no say in the home of setup, nor by it in any other, when another change builds on it', async () => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), {
    'package.json': '{}',
    'setup.sh': 'cp word.txt "$HOME/word" && printf %s "$npm_config_ignore_scripts" >"$HOME/ignored"',
    'word.txt': 'base',
  })
  const home = join(at, 'home')
  const workspaces = await gitWorkspaces({ root: repo, home })
  const runtime = {
    ...{ workspaces, home, hostEnv: {}, stopping: new AbortController().signal, settingUp },
    sandbox: await openSandbox('off', defaultCommandLimits),
    config: { setup: [['sh', 'setup.sh']], network: [], limits: { commandMinutes: 1 } },
  } as unknown as Runtime
  const base = await workspaces.tip('main')
  const change = await workspaces.checkout('coder-1', base)
  writeFileSync(join(change.path, 'word.txt'), 'waits to land')
  writeFileSync(join(change.path, 'package.json'), '{ "scripts": { "postinstall": "evil" } }')
  const saved = await change.save({ message: 'evil\n', author: { name: 'coder-1', email: 'coder@localhost' }, at: 0 })
  const waiting = await workspaces.merge(base, [{ commit: saved!.commit, message: 'evil\n', at: 0 }])
  if ('conflict' in waiting) throw new Error('conflict')

  async function prepared(name: string, commit: string): Promise<string[]> {
    const own = join(home, 'agents', name)
    const env = { ...baseEnv({ env: process.env }), ...homeEnv(own) }
    const worktree = await prepareWorktree(runtime, { name, home: own, env }, commit, commit)
    expect(worktree.commit).toBe(commit)
    return ['word', 'ignored'].map((file) => readFileSync(join(own, file), 'utf8'))
  }
  // What builds on it has it, with install scripts off.
  expect(await prepared('coder-2', waiting.commit)).toEqual(['waits to land', 'true'])
  expect(readFileSync(join(home, 'cache/word'), 'utf8')).toBe('base')
  expect(await prepared('coder-3', base)).toEqual(['base', ''])
  await workspaces.close()
})

test('a password in the registry of this machine is told to setup of what has landed, never of a change', async () => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), {
    'package.json': '{}',
    'setup.sh': 'printf %s "$npm_config_registry" >"$HOME/told"',
  })
  const home = join(at, 'home')
  const workspaces = await gitWorkspaces({ root: repo, home })
  const runtime = {
    ...{ workspaces, home, stopping: new AbortController().signal, settingUp },
    hostEnv: { npm_config_registry: 'https://me:s3cret@npm.corp.example/all/' },
    sandbox: await openSandbox('off', defaultCommandLimits),
    config: { setup: [['sh', 'setup.sh']], network: [], limits: { commandMinutes: 1 } },
  } as unknown as Runtime
  const base = await workspaces.tip('main')
  const change = await workspaces.checkout('coder-1', base)
  writeFileSync(join(change.path, 'package.json'), '{ "private": true }')
  const saved = await change.save({ message: 'x\n', author: { name: 'coder-1', email: 'coder@localhost' }, at: 0 })
  const own = join(home, 'agents/coder-2')
  const env = { ...baseEnv({ env: process.env }), ...homeEnv(own) }
  await prepareWorktree(runtime, { name: 'coder-2', home: own, env }, base, saved!.commit)
  expect(readFileSync(join(home, 'cache/told'), 'utf8')).toBe('https://me:s3cret@npm.corp.example/all/')
  expect(readFileSync(join(own, 'told'), 'utf8')).toBe('https://npm.corp.example/all/')
  await workspaces.close()
})

test('a home is never copied while setup fills it for another', async () => {
  const at = place()
  // Like an installer: what it makes on the way is gone a moment later.
  const busy = `
    const { mkdirSync, rmSync, writeFileSync } = require('node:fs')
    const folder = process.env.HOME + '/tool/unfinished'
    mkdirSync(folder, { recursive: true })
    for (let n = 0; n < 2000; n++) {
      writeFileSync(folder + '/' + process.pid + n, '')
      rmSync(folder + '/' + process.pid + n)
    }`
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': '' })
  const home = join(at, 'home')
  const workspaces = await gitWorkspaces({ root: repo, home })
  const runtime = {
    ...{ workspaces, home, hostEnv: {}, stopping: new AbortController().signal, settingUp },
    sandbox: await openSandbox('off', defaultCommandLimits),
    config: { setup: [['node', '-e', busy]], network: [], limits: { commandMinutes: 1 } },
  } as unknown as Runtime
  const base = await workspaces.tip('main')
  async function prepared(name: string): Promise<void> {
    const own = join(home, 'agents', name)
    await prepareWorktree(
      runtime,
      { name, home: own, env: { ...baseEnv({ env: process.env }), ...homeEnv(own) } },
      base,
      base,
    )
    expect(readdirSync(join(own, 'tool/unfinished'))).toEqual([])
  }
  await Promise.all(['one', 'two', 'three'].map(prepared))
  await workspaces.close()
})
