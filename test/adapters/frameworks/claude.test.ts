import { dirname } from 'node:path'
import { describe, test } from 'vitest'
import { claude } from '../../../adapters/frameworks/claude.ts'
import { clients } from '../../clients/clients.ts'
import { type ModelScript, type ModelStep, responseTo } from '../../contracts/framework/model-script.ts'
import { granted } from '../../contracts/framework/stage.ts'
import { frameworkContract } from '../../contracts/framework.ts'
import { anthropicStandIn, call, fault, type Step, text, thinking, usage } from '../../stand-ins/anthropic.ts'

const found = await clients()
const real = 'missing' in found ? undefined : found
const repo = real ? dirname(dirname(dirname(real.claudeSdk))) : '/'
const key = 'sk-ant-secret-of-the-test'

const wireName = (name: string) => `mcp__codeband__${name.replace(/[^\w-]/g, '_')}`
const ownName = (wire: string) => granted.find(({ name }) => wireName(name) === wire)?.name ?? wire

function stepOf(step: ModelStep): Step {
  if ('say' in step) return text(step.say)
  if ('think' in step) return thinking(step.think)
  if ('call' in step) return call(wireName(step.call), step.input)
  if ('native' in step) return call(step.native, step.input)
  if ('usage' in step) return usage(step.usage.inputTokens, step.usage.outputTokens)
  return 'status' in step ? fault(step.status) : fault('stall')
}

if (!real)
  describe.skip(`claude: ${'missing' in found ? found.missing : ''}`, () => test('needs the client', () => undefined))
else
  frameworkContract(
    'claude',
    async () => {
      const api = await anthropicStandIn()
      return {
        framework: () => claude({ executable: real.claudeBinary, retries: 1, model: 'claude-sonnet-5' }),
        env: { ANTHROPIC_BASE_URL: api.url, ANTHROPIC_API_KEY: key },
        repo,
        key,
        script(script: ModelScript) {
          api.turns.length = 0
          api.setScript(({ prompt, step }) => responseTo(script, { prompt, responses: step }).map(stepOf))
        },
        requests: () => api.turns.map(({ body, tools }) => ({ text: JSON.stringify(body), tools: tools.map(ownName) })),
        close: api.close,
      }
    },
    { processes: true },
  )
