import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claude } from '../../../adapters/frameworks/claude.ts'
import { codex } from '../../../adapters/frameworks/codex.ts'
import type { Framework } from '../../../core/ports/framework.ts'
import { type Clients, clients } from '../../clients/clients.ts'
import { type Actor, type Place, play, processesOf, stage } from '../../contracts/framework/stage.ts'
import * as anthropic from '../../stand-ins/anthropic.ts'
import * as openai from '../../stand-ins/openai.ts'
import { canaries, familyOf } from './canary.ts'

const found = await clients()
const canary = (kind: string) => `sk-${kind}-canary-${randomBytes(24).toString('base64url')}`
const key = canary('key')
const bearer = canary('bearer')

interface Heard {
  'x-api-key'?: string
  authorization?: string
}

interface Rig {
  framework(): Framework
  env: Record<string, string>
  /** What the model says next: after a call of read_files, the text. */
  says(what: { call?: boolean; delayMs?: number; status?: number; retryAfter?: number }): void
  heard(): Heard[]
  /** The address and the token that a client was given, as it finds them. */
  given(pids: readonly number[], place: Place): Promise<{ url: string; token: string }>
  target: string
  close(): Promise<void>
}

async function environ(pid: number, name: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
  return text
    .split('\0')
    .find((line) => line.startsWith(`${name}=`))
    ?.slice(name.length + 1)
}

async function claudeRig(real: Clients, env: Record<string, string>, variable: string): Promise<Rig> {
  const { anthropicStandIn, call, fault, text } = anthropic
  const api = await anthropicStandIn()
  return {
    framework: () => claude({ executable: real.claudeBinary, retries: 0, model: 'claude-sonnet-5' }),
    env: { ANTHROPIC_BASE_URL: api.url, ...env },
    says({ call: calls, delayMs = 0, status, retryAfter }) {
      api.requests.length = 0
      api.setScript(({ step }) => {
        if (status !== undefined) return fault(status, retryAfter === undefined ? {} : { retryAfter })
        if (calls && step === 0) return call('mcp__codeband__read_files', { paths: ['a'] })
        return [{ kind: 'delay', ms: delayMs }, text('done')]
      })
    },
    heard: () => api.requests.map(({ headers }) => headers as Heard),
    async given([pid]) {
      return { url: (await environ(pid!, 'ANTHROPIC_BASE_URL')) ?? '', token: (await environ(pid!, variable)) ?? '' }
    },
    target: '/v1/messages',
    close: api.close,
  }
}

async function codexRig(real: Clients): Promise<Rig> {
  const { call, delay, fault, openaiStandIn, text } = openai
  const api = await openaiStandIn()
  return {
    framework: () =>
      codex({
        executable: real.codexBinary,
        model: 'gpt-5.5',
        baseUrl: api.url,
        provider: { requestRetries: 0, streamRetries: 0 },
      }),
    env: { OPENAI_API_KEY: key },
    says({ call: calls, delayMs = 0, status, retryAfter }) {
      api.requests.length = 0
      api.setScript(({ step }) => {
        if (status !== undefined) return fault(status, retryAfter === undefined ? {} : { retryAfter })
        if (calls && step === 0) return call('read_files', { paths: ['a'] })
        return [delay(delayMs), text('done')]
      })
    },
    heard: () => api.requests.map(({ authorization }) => ({ ...(authorization && { authorization }) })),
    async given([pid], { home }) {
      const config = await readFile(join(home, 'codex/config.toml'), 'utf8')
      return {
        url: /^base_url = "(.*)"$/m.exec(config)?.[1] ?? '',
        token: (await environ(pid!, 'CODEBAND_CODEX_KEY')) ?? '',
      }
    },
    target: '/responses',
    close: () => api.close(),
  }
}

/** `way`: the way of a request is tried once a client, what the API hears for every kind of login. */
const rigs: Record<string, { open(real: Clients): Promise<Rig>; heard: Heard; way?: true }> = {
  'Claude Code with an API key': {
    open: (real) => claudeRig(real, { ANTHROPIC_API_KEY: key }, 'ANTHROPIC_API_KEY'),
    heard: { 'x-api-key': key },
    way: true,
  },
  'Claude Code with the token of a subscription': {
    open: (real) => claudeRig(real, { CLAUDE_CODE_OAUTH_TOKEN: bearer }, 'CLAUDE_CODE_OAUTH_TOKEN'),
    heard: { authorization: `Bearer ${bearer}` },
  },
  'Claude Code with a key and a bearer token': {
    open: (real) => claudeRig(real, { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: bearer }, 'ANTHROPIC_AUTH_TOKEN'),
    heard: { 'x-api-key': key, authorization: `Bearer ${bearer}` },
  },
  'Codex with an API key': { open: codexRig, heard: { authorization: `Bearer ${key}` }, way: true },
}

test('the scan finds a secret in every spelling it knows, in names, files and environments', async () => {
  const set = await stage(() => claude(), {})
  const { home, cwd } = await set.place()
  const wrapped = `{"before":"${key}","after":1}`
  await writeFile(join(home, 'plain'), wrapped)
  for (const shift of [0, 1, 2]) {
    await writeFile(join(home, `base64-${shift}`), Buffer.from(`${'x'.repeat(shift)}${wrapped}`).toString('base64'))
  }
  await writeFile(join(home, 'hex'), Buffer.from(wrapped).toString('hex'))
  await writeFile(join(home, 'utf16'), Buffer.from(wrapped, 'utf16le'))
  await writeFile(join(cwd, `a ${key}`), '')
  const { findings } = await canaries([key], { folders: [home, cwd] })
  expect(findings.map((one) => one.replace(/^.*\//, '').replace(key, 'KEY')).sort()).toEqual(
    ['a KEY', 'base64-0', 'base64-1', 'base64-2', 'hex', 'plain', 'utf16'].sort(),
  )
  await set.strike()
})

for (const [name, { open, heard, way }] of Object.entries(rigs)) {
  describe.skipIf('missing' in found || process.platform !== 'linux')(
    `${name}${'missing' in found ? `: ${found.missing}` : ''}`,
    () => {
      let rig: Rig
      let set: Awaited<ReturnType<typeof stage>>
      beforeAll(async () => {
        rig = await open(found as Clients)
        set = await stage(rig.framework, rig.env)
      })
      afterAll(async () => {
        await set.strike()
        await rig.close()
      })

      const clientsOf = async ({ place }: Actor) => {
        const marked = await processesOf(place)
        return { marked, family: [...new Set((await Promise.all(marked.map(familyOf))).flat())] }
      }
      const knock = ({ url, token }: { url: string; token: string }) =>
        fetch(`${url}${rig.target}`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } })

      test('the API hears the key; no process of the client and no file of its home ever holds it', async () => {
        rig.says({ call: true })
        const during: { findings: string[]; looked: { processes: number; files: number } }[] = []
        let pids: number[] = []
        const actor = await set.enter({
          async answer() {
            const { marked, family } = await clientsOf(actor)
            pids = marked
            during.push(await canaries([key, bearer], { pids: family, folders: [actor.place.root] }))
            const { token } = await rig.given(marked, actor.place)
            // The scan sees what is there: the token is.
            expect(token).toMatch(/^codeband-[\w-]{43}$/)
            const own = await canaries([token], { pids: family, folders: [] })
            expect(own.findings).toContain(`environ of ${marked[0]}`)
            return { ok: true, output: 'read' }
          },
        })
        expect(await play(actor.session, 'Work.')).toMatchObject({ said: 'done', outcome: 'done' })
        expect(pids.length).toBeGreaterThan(0)
        expect(during).toHaveLength(1)
        expect(during[0]?.findings).toEqual([])
        expect(during[0]?.looked.processes).toBeGreaterThan(0)
        const { 'x-api-key': apiKey, authorization } = rig.heard()[0] ?? {}
        expect({ ...(apiKey && { 'x-api-key': apiKey }), ...(authorization && { authorization }) }).toEqual(heard)
        await actor.session.close()
        const after = await canaries([key, bearer], { folders: [actor.place.root] })
        expect(after.findings).toEqual([])
        // Its conversation at least lies there.
        expect(after.looked.files).toBeGreaterThan(0)
      })

      if (!way) return

      test('the token of a session that has ended is refused, and the API hears nothing of it', async () => {
        rig.says({})
        const [ended, open] = [await set.enter(), await set.enter()]
        const passes: { url: string; token: string }[] = []
        for (const actor of [ended, open]) {
          await play(actor.session, 'Work.')
          passes.push(await rig.given((await clientsOf(actor)).marked, actor.place))
        }
        const [first, second] = passes as [(typeof passes)[0], (typeof passes)[0]]
        expect(first.url).toBe(second.url)
        expect(first.token).not.toBe(second.token)
        await ended.session.close()
        rig.says({})
        expect((await knock(first)).status).toBe(401)
        expect(rig.heard()).toEqual([])
        expect((await knock(second)).status).not.toBe(401)
        expect(rig.heard()).toHaveLength(1)
        await open.session.close()
      })

      test('a slow API, one that has no room and one that is overloaded are as they were without a gateway', async () => {
        const { session } = await set.enter()
        rig.says({ delayMs: 1_500 })
        expect(await play(session, 'Work.')).toMatchObject({ said: 'done', outcome: 'done' })
        rig.says({ status: 529 })
        expect((await play(session, 'Work.')).outcome).toMatchObject({ kind: 'overloaded' })
        rig.says({ status: 429, retryAfter: 7 })
        expect((await play(session, 'Work.')).outcome).toMatchObject({ kind: 'rate-limit' })
        rig.says({ delayMs: 60_000 })
        expect(await play(session, 'Work.', { signal: AbortSignal.timeout(1_000) })).toMatchObject({
          outcome: 'cancelled',
        })
        rig.says({})
        expect(await play(session, 'Work.')).toMatchObject({ said: 'done', outcome: 'done' })
      })
    },
  )
}
