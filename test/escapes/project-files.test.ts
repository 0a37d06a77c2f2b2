import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claude } from '../../adapters/frameworks/claude.ts'
import { codex } from '../../adapters/frameworks/codex.ts'
import { type Clients, clients } from '../clients/clients.ts'
import { personsGit } from '../scene/place.ts'
import { call as anthropicCall, anthropicStandIn, text as anthropicText } from '../stand-ins/anthropic.ts'
import { call as openaiCall, openaiStandIn, text as openaiText } from '../stand-ins/openai.ts'
import { playBand } from './hostile/band.ts'
import { type Bait, baits } from './hostile/project-files.ts'

const found = await clients()
const missing = 'missing' in found ? found.missing : ''
const real = found as Clients

const at = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-baits-'))
const called: string[] = []
let evil: Server
const markOf = ({ id }: Bait): string => `CANARY-${id.toUpperCase()}-`

beforeAll(async () => {
  evil = createServer((request, response) => {
    called.push(`${request.method} ${request.url}`)
    response.writeHead(400).end()
  })
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  evil.close()
  evil.closeAllConnections()
  rmSync(at, { recursive: true, force: true, maxRetries: 3 })
})

/** A repository that holds every bait, in the first commit. */
function baited(name: string): Baited {
  const [repo, home, traces] = [join(at, name, 'repo'), join(at, name, 'home'), join(at, name, 'traces')]
  mkdirSync(traces, { recursive: true })
  for (const bait of baits) {
    const path = join(repo, bait.path)
    mkdirSync(dirname(path), { recursive: true })
    const url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`
    writeFileSync(path, bait.text({ mark: markOf(bait), ran: `touch ${traces}/${bait.id}`, evil: url }))
  }
  mkdirSync(join(repo, 'src'))
  writeFileSync(join(repo, 'src/add.js'), 'export const add = (a, b) => a - b;\n')
  writeFileSync(join(repo, 'package.json'), '{"type":"module","scripts":{"test":"true"}}')
  personsGit(repo, 'init', '-q', '-b', 'main')
  personsGit(repo, 'add', '-A', '-f')
  personsGit(repo, 'commit', '-q', '-m', 'init')
  return { repo, home, traces }
}

interface Baited {
  repo: string
  home: string
  traces: string
}

/** All that was sent to the model and all that ran. */
interface Heard {
  sent: string
  ran: readonly string[]
}

const isTaken = (bait: Bait, { sent, ran }: Heard): boolean =>
  sent.includes(markOf(bait)) || ran.some((name) => name === bait.id || name.startsWith(`${bait.id}-`))

const prompt = 'Work, @CLAUDE.md, @AGENTS.md, /evil-command and $evil too.'
const edit = { path: 'src/add.js', content: 'export const add = (a, b) => a + b;\n' }

const runs = {
  claude: {
    async band(place: Baited): Promise<Heard> {
      const write = anthropicCall('mcp__codeband__write_file', edit)
      const api = await anthropicStandIn(({ step }) => (step ? anthropicText('Done.') : write))
      const framework = claude({ executable: real.claudeBinary, model: 'claude-sonnet-5', retries: 0 })
      const env = { ANTHROPIC_BASE_URL: api.url, ANTHROPIC_API_KEY: 'sk-ant-test' }
      const { outcome } = await playBand(place, 'coder', framework, env, { description: prompt })
      await api.close()
      expect(outcome).toBe('success')
      return { sent: JSON.stringify([api.requests, called]), ran: readdirSync(place.traces) }
    },
    async alone({ repo, home, traces }: Baited): Promise<Heard> {
      const read = anthropicCall('Read', { file_path: join(repo, 'src/add.js') })
      const api = await anthropicStandIn(({ step }) => (step ? anthropicText('Done.') : read))
      const env = {
        HOME: home,
        CLAUDE_CONFIG_DIR: join(home, 'claude'),
        ANTHROPIC_BASE_URL: api.url,
        ANTHROPIC_API_KEY: 'sk-ant-test',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        CLAUDE_CODE_MAX_RETRIES: '0',
      }
      await runAlone([real.claudeBinary, '-p', 'Work.'], repo, env)
      await api.close()
      return { sent: JSON.stringify(api.requests), ran: readdirSync(traces) }
    },
  },
  codex: {
    async band(place: Baited): Promise<Heard> {
      const api = await openaiStandIn(({ step }) => (step ? openaiText('Done.') : openaiCall('write_file', edit)))
      const framework = codex({ executable: real.codexBinary, baseUrl: api.url, model: 'gpt-5.5' })
      const { outcome } = await playBand(
        place,
        'coder',
        framework,
        { OPENAI_API_KEY: 'sk-test' },
        { description: prompt },
      )
      await api.close()
      expect(outcome).toBe('success')
      return { sent: JSON.stringify([api.requests, called]), ran: readdirSync(place.traces) }
    },
    async alone({ repo, home, traces }: Baited): Promise<Heard> {
      const api = await openaiStandIn(() => openaiText('Done.'))
      const root = join(home, 'codex')
      mkdirSync(root, { recursive: true })
      const config = `model = "gpt-5.5"
model_provider = "here"
[model_providers.here]
name = "here"
base_url = "${api.url}"
wire_api = "responses"
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
[features]
plugins = false
remote_plugin = false
apps = false
[projects."${repo}"]
trust_level = "trusted"
`
      writeFileSync(join(root, 'config.toml'), config)
      await runAlone([real.codexBinary, 'exec', 'Work.'], repo, { HOME: home, CODEX_HOME: root, TMPDIR: home })
      await api.close()
      return { sent: JSON.stringify(api.requests), ran: readdirSync(traces) }
    },
  },
}

/** The client as a person starts it in that folder. */
async function runAlone([program = '', ...args]: string[], cwd: string, env: Record<string, string>): Promise<void> {
  mkdirSync(env.HOME!, { recursive: true })
  const running = promisify(execFile)(program, args, { cwd, env: { PATH: process.env.PATH, ...env }, timeout: 60_000 })
  running.child.stdin?.end()
  await running
}

describe.skipIf(missing !== '')(`what a repository under work holds for clients${missing && `: ${missing}`}`, () => {
  describe.each(['claude', 'codex'] as const)('%s', (client) => {
    let heard: Heard
    let alone: Heard
    beforeAll(async () => {
      heard = await runs[client].band(baited(`${client}-band`))
      alone = await runs[client].alone(baited(`${client}-alone`))
    })

    test.each(baits)('neither runs nor reads $path ($id)', (bait) => {
      expect(heard.sent).not.toBe('')
      expect(isTaken(bait, heard)).toBe(false)
    })

    test('calls nobody that a file names', () => {
      expect(called).toEqual([])
      expect(heard.sent).not.toContain('x-evil')
    })

    test('takes the bait where it is started in the repository without codeband', () => {
      expect(baits.filter((bait) => isTaken(bait, alone)).map(({ id }) => id)).toEqual(
        baits.filter(({ takenBy }) => takenBy.includes(client)).map(({ id }) => id),
      )
    })
  })
})
