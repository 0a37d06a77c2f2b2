import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CodexOptions, codex } from '../../../../adapters/frameworks/codex.ts'
import attacks from '../../../cases/hostile-codex.json' with { type: 'json' }
import { call, custom, type Step, text } from '../../../stand-ins/openai.ts'
import { ends, executable, key, missing, patch, realCodex, turn, until } from './real-codex.ts'

interface Effect {
  exists?: string
  gone?: string
  file?: string
  has?: string
  output?: string
  process?: string
}

const commandLines = () => execFileSync('ps', ['-eo', 'args']).toString()

/** A small project in the worktree, and a folder beside it that nobody may touch. */
async function furnish(cwd: string): Promise<string> {
  const outside = join(dirname(cwd), 'outside')
  const files = {
    'package.json': '{ "type": "module", "scripts": { "test": "node --test" } }',
    'src/add.js': 'export const add = (a, b) => a - b;\n',
    'add.test.js': "import test from 'node:test'\ntest('nothing', () => {})\n",
    'README.md': '# t\n',
    'evil.sh': '#!/bin/sh\ntouch evil_ran_in\n',
    '../outside/secret.txt': 'TOPSECRET',
  }
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, name)), { recursive: true })
    await writeFile(join(cwd, name), content, { mode: 0o755 })
  }
  execFileSync('git', ['init', '-q', cwd])
  await symlink(outside, join(cwd, 'link'))
  return outside
}

const real = realCodex()
const { place, play, start } = real

describe.skipIf(missing !== '')(`the boundary of codex${missing && `: ${missing}`}`, () => {
  describe.each(['gpt-5.5', 'gpt-6-sol', 'a-model-nobody-knows'])('the boundary on %s', (model) => {
    test('lists our tools and the one that no switch hides', async () => {
      play(() => text('ok'))
      const { session } = await start({ model })
      await turn(session)
      const plain = real.api.turns[0]!.tools.map((name) => name.replace(/^functions\./, ''))
      expect(plain).toEqual(['request_user_input', 'read_files'])
    })

    test('no attack of the catalogue has its effect', async () => {
      const { session, at, called } = await start({ model })
      const outside = await furnish(at.cwd)
      const before = await readdir(at.cwd, { recursive: true })
      const fill = (sent: unknown) =>
        JSON.stringify(sent)
          .replaceAll('{WORKTREE}', at.cwd)
          .replaceAll('{OUTSIDE}', outside)
          .replaceAll('{PORT}', String(real.api.port))
      const steps = attacks.map(({ id, tool, input }): Step => {
        const [name = '', namespace] = tool.split('.').reverse()
        const sent = JSON.parse(fill(input)) as unknown
        if (typeof sent === 'string') return custom(name, sent)
        return call(name, sent, { id, ...(namespace !== undefined && { namespace }) })
      })
      play((t) => (t.step ? text('ok') : steps))
      expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
      const outputs = new Map(real.api.turns.at(-1)!.outputs.map(({ id, output }) => [id, output]))
      const had = attacks.filter(({ id, effect }) => {
        const { exists, gone, file, has, output, process } = JSON.parse(fill(effect)) as Effect
        return (
          (exists !== undefined && existsSync(exists)) ||
          (gone !== undefined && !existsSync(gone)) ||
          (file !== undefined && readFileSync(file, 'utf8').includes(has ?? '')) ||
          (output !== undefined && (outputs.get(id) ?? '').includes(output)) ||
          (process !== undefined && commandLines().includes(process))
        )
      })
      expect(had).toEqual([])
      expect(outputs.size).toBe(attacks.length)
      expect(await readdir(at.cwd, { recursive: true })).toEqual(before)
      expect(await readdir(outside)).toEqual(['secret.txt'])
      expect(called).toEqual([])
      expect(real.api.turns).toHaveLength(2)
    })

    test('nothing a hostile model calls has an effect, and every such call is told', async () => {
      const { session, at, called } = await start({ model })
      const outside = join(dirname(at.cwd), 'outside')
      await mkdir(outside)
      await writeFile(join(at.cwd, 'README.md'), '# t\n')
      await symlink(outside, join(at.cwd, 'link'))
      const shell = (cmd: string, more: object = {}) => call('exec_command', { cmd, ...more })
      const hostile = [
        shell(`touch ${outside}/s1`),
        shell('touch in1'),
        shell('true; env', { shell: '/bin/bash', workdir: outside }),
        shell(`touch ${outside}/s2`, { sandbox_permissions: 'require_escalated', justification: 'please' }),
        shell(`curl -s http://127.0.0.1:${real.api.port}/v1/leak`),
        call('write_stdin', { session_id: 1, chars: 'x' }),
        call('shell', { command: ['touch', `${outside}/s3`] }),
        call('local_shell', { command: ['touch', `${outside}/s4`] }),
        custom('apply_patch', patch(`${outside}/p1`)),
        custom('apply_patch', patch('../outside/p2')),
        custom('apply_patch', patch('link/p3')),
        custom('apply_patch', patch('.git/hooks/pre-commit')),
        custom('apply_patch', patch('.codex/config.toml')),
        call('apply_patch', { input: patch('p4') }),
        custom('exec', `await tools.exec_command({ cmd: 'touch ${outside}/c1' }); text('x')`),
        call('wait', { cell_id: '1' }),
        call('spawn_agent', { message: 'do evil', task_name: 'x' }),
        call('spawn_agent', { message: 'do evil' }, { namespace: 'multi_agent_v1' }),
        call('spawn_agent', { message: 'do evil', task_name: 'x' }, { namespace: 'collaboration' }),
        call('view_image', { path: '/etc/passwd' }),
        call('request_permissions', { permissions: { network: { enabled: true } } }),
        call('request_user_input', {
          questions: [{ id: 'a', header: 'h', question: 'q', options: [{ label: 'a', description: 'b' }] }],
        }),
        call('update_plan', { plan: [] }),
        call('tool_search', { query: 'shell' }),
        call('web_search', { query: 'x' }),
        call('list_mcp_resources', {}),
        call('read_mcp_resource', { server: 'x', uri: 'file:///etc/passwd' }),
        call('read_files', { paths: ['a'] }, { namespace: 'mcp__evil' }),
        call('write_file', { path: 'x', content: 'x' }),
        call('read_files', '{not json'),
      ]
      play((t) => (t.step ? text('ok') : hostile))
      const events = await turn(session)
      expect(ends(events)).toEqual([{ type: 'turn-end', outcome: 'done' }])
      expect(await readdir(outside)).toEqual([])
      expect((await readdir(at.cwd)).sort()).toEqual(['README.md', 'link'])
      expect(real.api.requests.every(({ path }) => path === '/v1/responses')).toBe(true)
      expect(real.api.turns).toHaveLength(2)
      expect(real.api.turns.flatMap(({ texts }) => texts)).not.toContain('do evil')
      expect(called).toEqual([])
      const calls = events.flatMap((event) => (event.type === 'tool-call' ? [event] : []))
      const results = events.flatMap((event) => (event.type === 'tool-result' ? [event] : []))
      expect(calls).toHaveLength(hostile.length)
      expect(results.map(({ id, ok }) => ({ id, ok }))).toEqual(calls.map(({ id }) => ({ id, ok: false })))
      for (const { output } of results)
        expect(output).toMatch(/^unsupported|unavailable|failed to parse|not (found|available)/)
    })
  })

  describe('what the worktree holds', () => {
    test('does not configure the client: no server, hook, rule, skill or instruction of it is read', async () => {
      const at = await place()
      const canary = join(dirname(at.cwd), 'canary')
      const run = { type: 'command', command: `touch ${canary}-hook` }
      const files: Record<string, string> = {
        'AGENTS.md': 'CANARY',
        'AGENTS.override.md': 'CANARY',
        '.agents/skills/evil/SKILL.md': '---\nname: evil\ndescription: CANARY\n---\nCANARY',
        '.codex/skills/evil/SKILL.md': '---\nname: evil\ndescription: CANARY\n---\nCANARY',
        '.codex/config.toml': [
          'developer_instructions = "CANARY"',
          `notify = ["touch", "${canary}-notify"]`,
          '[mcp_servers.evil]',
          'command = "touch"',
          `args = ["${canary}-mcp"]`,
          '[features]',
          'shell_tool = true',
        ].join('\n'),
        '.codex/hooks.json': JSON.stringify({
          hooks: { SessionStart: [{ hooks: [run] }], UserPromptSubmit: [{ hooks: [run] }] },
        }),
        '.codex/environments.toml': 'default = "local"\ninclude_local = true\n',
        '.mcp.json': JSON.stringify({ mcpServers: { evil: { command: 'touch', args: [`${canary}-mcp2`] } } }),
      }
      execFileSync('git', ['init', '-q', at.cwd])
      execFileSync('git', ['-C', at.cwd, 'config', 'core.fsmonitor', `touch ${canary}-git; false`])
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(at.cwd, name)), { recursive: true })
        await writeFile(join(at.cwd, name), content)
      }
      const hostile = [call('exec_command', { cmd: `touch ${canary}-shell` }), call('mcp__evil__x', {})]
      for (const resume of [false, true]) {
        play((t) => (t.step ? text('ok') : hostile))
        const token = resume ? lastToken : undefined
        const { session } = await start({ at, ...(token !== undefined && { resume: token }) })
        await turn(session, 'Use $evil.')
        lastToken = session.token
        expect(real.api.turns.at(-1)!.tools).toEqual(['request_user_input', 'read_files'])
        for (const { body } of real.api.requests) expect(body).not.toContain('CANARY')
        await session.close()
      }
      expect(await readdir(dirname(at.cwd))).toEqual(['home', 'worktree'])
      // Resuming starts from our own record, where nothing of the worktree may have been trusted meanwhile.
      expect(await readFile(join(at.home, 'codex/config.toml'), 'utf8')).not.toContain('"trusted"')
    })
  })

  let lastToken: string | undefined

  describe('the network', () => {
    test('is used for the API alone: a proxy for everything else hears nothing', async () => {
      const heard: string[] = []
      const proxy = createServer((socket) => {
        socket.on('data', (data) => heard.push(data.toString().split('\n')[0]!)).on('error', () => undefined)
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
      })
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const env = { HTTPS_PROXY: url, HTTP_PROXY: url, ALL_PROXY: url, NO_PROXY: '127.0.0.1', OPENAI_API_KEY: key }
      play((t) => (t.step ? text('ok') : call('read_files', { paths: [] })))
      const { session } = await start({ env })
      await turn(session)
      await session.close()
      expect(heard).toEqual([])
      expect(real.api.turns).toHaveLength(2)

      // The built-in provider is not the stand-in, so here the proxy must hear it.
      const authFile = join((await place()).home, 'auth.json')
      await writeFile(authFile, JSON.stringify({ OPENAI_API_KEY: 'login' }))
      const patience = { provider: { requestRetries: 0, streamRetries: 0 } }
      const login = await start(
        { env: { ...env, OPENAI_API_KEY: undefined! } },
        { baseUrl: undefined!, authFile, ...patience },
      )
      void turn(login.session)
      await until(() => heard.length > 0)
      expect(heard[0]).toMatch(/^CONNECT api\.openai\.com:443 /)
      await login.session.close()
      proxy.close()
    })
  })

  describe('the key', () => {
    test('goes to the API and nowhere else: no file of the home holds it', async () => {
      play((t) => (t.step ? text('ok') : call('read_files', { paths: [] })))
      const { session, at } = await start()
      await turn(session)
      await session.close()
      expect(new Set(real.api.requests.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${key}`]))
      for (const { body } of real.api.requests) expect(body).not.toContain(key)
      const files = (await readdir(at.home, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
      expect(files.length).toBeGreaterThan(3)
      for (const { parentPath, name } of files)
        expect((await readFile(join(parentPath, name))).includes(key)).toBe(false)
    })

    test('of an option wins over the environment, whose base URL counts where no option gives one', async () => {
      play(() => text('ok'))
      const framework = codex({ executable, apiKey: 'from-option', model: 'gpt-5.5' })
      const at = await place()
      const session = await framework.start({
        worker: 'w',
        systemPrompt: 's',
        ...at,
        env: { OPENAI_API_KEY: key, OPENAI_BASE_URL: real.api.url },
        repo: at.cwd,
        tools: [],
        call: async () => ({ ok: true, output: '' }),
      })
      await turn(session)
      await session.close()
      expect(real.api.requests.map(({ authorization }) => authorization)).toEqual(['Bearer from-option'])
      expect(real.api.turns[0]!.tools).toEqual(['request_user_input'])
    })

    test('may be missing where a login is given, of which the home gets a private copy', async () => {
      const at = await place()
      const authFile = join(dirname(at.cwd), 'auth.json')
      await writeFile(authFile, JSON.stringify({ OPENAI_API_KEY: 'login' }), { mode: 0o644 })
      const { session } = await start({ at, env: {} }, { baseUrl: undefined, authFile } as CodexOptions)
      const copy = join(at.home, 'codex/auth.json')
      expect(JSON.parse(await readFile(copy, 'utf8'))).toEqual({ OPENAI_API_KEY: 'login' })
      expect(execFileSync('stat', ['-c', '%a', copy]).toString().trim()).toBe('600')
      await session.close()
    })
  })
})
