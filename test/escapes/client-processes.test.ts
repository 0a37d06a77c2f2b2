import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { claude } from '../../adapters/frameworks/claude.ts'
import { codex } from '../../adapters/frameworks/codex.ts'
import { type Clients, clients } from '../clients/clients.ts'
import { cli, cliEnv, ended, startCli } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'
import {
  call as anthropicCall,
  fault as anthropicFault,
  anthropicStandIn,
  text as anthropicText,
} from '../stand-ins/anthropic.ts'
import { call as openaiCall, fault as openaiFault, openaiStandIn, text as openaiText } from '../stand-ins/openai.ts'
import { playBand } from './hostile/band.ts'
import { hostileProject } from './hostile/project.ts'

const found = await clients()
const missing = 'missing' in found ? found.missing : ''
const real = found as Clients
const keys = { ANTHROPIC_API_KEY: 'sk-ant-test', OPENAI_API_KEY: 'sk-test' }
const edit = { path: 'src/add.js', content: 'export const add = (a, b) => a + b;\n' }

/** The living processes whose environment names the folder. Linux only: no other system shows environments. */
function processesIn(folder: string): { pid: number; command: string }[] {
  const read = (pid: string, name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ')
    } catch {
      // It ended meanwhile, or is another user's.
      return ''
    }
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .filter((pid) => read(pid, 'environ').includes(folder))
    .map((pid) => ({ pid: Number(pid), command: read(pid, 'cmdline') }))
}

/** What the model does with a request. */
type Mood = 'silent' | 'busy' | 'works'

interface Model {
  url: string
  /** How many requests came since the last `play`. */
  asked(): number
  /** `seen` is called with each request. */
  play(mood: Mood, seen?: () => void): void
  close(): Promise<void>
}

const vendors = {
  claude: {
    other: 'openai',
    binary: real.claudeBinary,
    settings: (url: string) => ({ executable: real.claudeBinary, baseUrl: url, model: 'claude-sonnet-5' }),
    framework: claude,
    async open(): Promise<Model> {
      const { url, turns, setScript, close } = await anthropicStandIn()
      const moods = {
        silent: () => anthropicFault('stall'),
        busy: () => anthropicFault(529, { retryAfter: 60 }),
        works: (step: number) => (step > 0 ? anthropicText('Done.') : anthropicCall('mcp__codeband__write_file', edit)),
      }
      return modelOf({ url, turns, close }, (seen) => setScript(({ step }) => seen(step)), moods)
    },
  },
  codex: {
    other: 'anthropic',
    binary: real.codexBinary,
    settings: (url: string) => ({ executable: real.codexBinary, baseUrl: url, model: 'gpt-5.5' }),
    framework: codex,
    async open(): Promise<Model> {
      const { url, turns, setScript, close } = await openaiStandIn()
      const moods = {
        silent: () => openaiFault('stall'),
        busy: () => openaiFault(429, { retryAfter: 60 }),
        works: (step: number) => (step > 0 ? openaiText('Done.') : openaiCall('write_file', edit)),
      }
      return modelOf({ url, turns, close }, (seen) => setScript(({ step }) => seen(step)), moods)
    },
  },
}

function modelOf<Step>(
  { url, turns, close }: { url: string; turns: unknown[]; close(): Promise<void> },
  setScript: (script: (step: number) => Step) => void,
  moods: Readonly<Record<Mood, (step: number) => Step>>,
): Model {
  return {
    url,
    close,
    asked: () => turns.length,
    play(mood, seen = () => undefined) {
      turns.length = 0
      setScript((step) => {
        seen()
        return moods[mood](step)
      })
    },
  }
}

describe.skipIf(missing !== '' || process.platform !== 'linux')(
  `I-27: processes of a client${missing && `: ${missing}`}`,
  () => {
    describe.each(['claude', 'codex'] as const)('%s', (name) => {
      const { other, binary, settings, framework, open } = vendors[name]
      const standIn = async () => {
        const model = await open()
        onTestFinished(() => model.close())
        return model
      }

      test('live through the turns of a role and not until the end of its task', { timeout: 60_000 }, async () => {
        const project = hostileProject(place())
        const api = await standIn()
        const during: number[] = []
        api.play('works', () => {
          during.push(processesIn(project.home).filter(({ command }) => command.startsWith(binary)).length)
        })
        const { outcome, left } = await playBand(project, 'coder', framework(settings(api.url)), keys, {
          atEnd: () => processesIn(project.home).map(({ command }) => command),
        })
        expect({ outcome, left }).toEqual({ outcome: 'success', left: [] })
        expect(during).toEqual([1, 1])
      })

      test('end with their turn when they are stopped and answer nothing, and the turn has crashed', {
        timeout: 60_000,
      }, async () => {
        const project = hostileProject(place())
        const api = await standIn()
        let cancel = (): void => undefined
        api.play('silent', () => {
          // It hears nothing any more, not even that it is interrupted.
          const mine = processesIn(project.home).filter(({ command }) => command.startsWith(binary))
          for (const { pid } of mine) process.kill(pid, 'SIGSTOP')
          cancel()
        })
        const { outcome, events, left } = await playBand(project, 'coder', framework(settings(api.url)), keys, {
          atStart: (band) => {
            cancel = () => void band.cancel('t1', 'enough')
          },
          atEnd: () => processesIn(project.home).map(({ command }) => command),
        })
        expect({ outcome, left }).toEqual({ outcome: 'cancelled', left: [] })
        const ends = events.flatMap((event) => (event.type === 'TurnEnded' ? [event.failure?.kind] : []))
        expect(ends).toEqual(['crashed'])
      })

      test('end with a band that is killed, while they wait to ask the model again and while they hang', {
        timeout: 120_000,
      }, async () => {
        const at = place()
        const api = await standIn()
        const repo = repositoryOf(join(at, 'repo'), {
          'a.txt': 'a\n',
          'codeband.config.ts': `import { defineConfig } from 'codeband'
import { ${name} } from 'codeband/${name}'
import { scripted } from 'codeband/scripted'
export default defineConfig({
  frameworks: {
    ${name}: ${name}(${JSON.stringify(settings(api.url))}),
    other: scripted({ id: 'other', family: '${other}', script: { turns: [] } }),
  },
  checks: [['true']],
  sandbox: 'if-available',
})
`,
        })
        const env = cliEnv(at, keys)
        expect((await cli(repo, ['trust', '--yes'], env)).code).toBe(0)
        for (const state of ['waits', 'hangs'] as const) {
          api.play(state === 'waits' ? 'busy' : 'silent')
          const band = startCli(repo, ['run', 'Do it'], env)
          const gone = ended(band)
          while (api.asked() === 0 && band.exitCode === null) await sleep(20)
          // Time for the answer to arrive.
          await sleep(200)
          const clients = processesIn(join(at, 'state')).filter(({ command }) => command.startsWith(binary))
          expect(clients).toHaveLength(1)
          if (state === 'hangs') process.kill(clients[0]!.pid, 'SIGSTOP')
          process.kill(-band.pid!, 'SIGKILL')
          await gone
          const began = performance.now()
          while (processesIn(join(at, 'state')).length > 0) await sleep(10)
          console.info(`a ${name} that ${state}: gone ${Math.round(performance.now() - began)} ms after its band`)
        }
      })
    })
  },
)
