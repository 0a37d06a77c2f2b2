import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { jiraTools } from '../../.agents/jira/tools.ts'
import type { Tool } from '../../core/role/tool.ts'
import { openBench, trappedWorktree } from '../runtime/tools/scene.ts'
import { account, jiraSite, type StandIn } from '../stand-ins/jira.ts'

const names = ['jira_read_issue', 'jira_comment', 'jira_move']
const role = { id: 'jira-agent', description: 'Talks to Jira.', tools: names }

/** The tools behind the gate, with Node's own fetch, on a site of this machine. */
async function atSite(env: Record<string, string> = account) {
  const jira = await jiraSite()
  setDefaultCACertificates([...getCACertificates('default'), jira.cert])
  const custom = Object.values(jiraTools({ site: jira.site })) as unknown as Tool[]
  const { box } = openBench(role, trappedWorktree(), { custom, toolEnv: env, fetch: globalThis.fetch })
  const call = (name: string, input: object, id = 't1/jira-agent/0') =>
    box.call(name, { issue: 'ACME-7', ...input }, { id, signal: new AbortController().signal })
  return { jira, call }
}

const failed = (name: string, message: RegExp) => ({
  ok: false,
  output: expect.stringMatching(new RegExp(`^${name} failed: .*${message.source}`)),
})
const posts = ({ asked }: StandIn, end: string): unknown[] =>
  asked.filter(({ method, url }) => method === 'POST' && url.endsWith(end))

test('an issue is read as text, with its newest comments in the order they were written', async () => {
  const { jira, call } = await atSite()
  for (const text of ['One.', 'Two.', 'Three.']) {
    expect(await call('jira_comment', { text }, text)).toMatchObject({ ok: true })
  }
  jira.asked.length = 0
  expect(await call('jira_read_issue', { comments: 2 })).toEqual({
    ok: true,
    output: `ACME-7: Prices lose a digit
Status: In Progress
Type: Bug
Priority: High
Labels: shop
Reporter: Ada

1250 cents are shown as 12.5.

\`\`\`js
price(1250) // '12.50'
\`\`\`

Comments (2 of 3, oldest first):

The band, 2026-01-02:
Two.

The band, 2026-01-02:
Three.`,
  })
  expect(jira.asked.map(({ method }) => method)).toEqual(['GET', 'GET'])
})

test('a comment is written once a call, however often the call is repeated, and twice for two calls', async () => {
  const { jira, call } = await atSite()
  const text = 'Landed:\n\n- abc'
  expect(await call('jira_comment', { text }, 'first')).toEqual({
    ok: true,
    output: 'Commented on ACME-7 (comment 10000).',
  })
  for (let other = 0; other < 120; other++)
    jira.comments.push({ id: String(20_000 + other), body: null, properties: [] })
  expect(await call('jira_comment', { text }, 'first')).toEqual({
    ok: true,
    output: 'The comment is on ACME-7 already (comment 10000).',
  })
  expect(jira.comments).toHaveLength(121)
  expect(await call('jira_comment', { text }, 'second')).toMatchObject({ ok: true })
  expect(jira.comments).toHaveLength(122)
  const item = { type: 'listItem', content: [{ type: 'paragraph', content: [{ type: 'text', text: 'abc' }] }] }
  expect(jira.comments[0]).toEqual({
    id: '10000',
    body: {
      type: 'doc',
      version: 1,
      content: [
        { type: 'paragraph', content: [{ type: 'text', text: 'Landed:' }] },
        { type: 'bulletList', content: [item] },
      ],
    },
    properties: [{ key: 'codeband', value: { key: expect.stringMatching(/^[0-9a-f]{64}$/) } }],
  })
})

for (const lost of [{ cut: true }, { status: 502, body: '<html>' }, { status: 200, body: 'ok' }]) {
  test(`a comment whose answer is lost (${JSON.stringify(lost)}) is found again; one that was not written is an error`, async () => {
    const { jira, call } = await atSite()
    jira.trouble.push({ when: /^POST .*comment$/, after: true, ...lost })
    expect(await call('jira_comment', { text: 'Done.' }, 'a')).toMatchObject({ ok: true })
    expect(jira.comments).toHaveLength(1)
    jira.trouble.push({ when: /^POST .*comment$/, ...lost })
    expect(await call('jira_comment', { text: 'Done.' }, 'b')).toMatchObject({ ok: false })
    expect(await call('jira_comment', { text: 'Done.' }, 'b')).toMatchObject({ ok: true })
    expect(jira.comments).toHaveLength(2)
  })
}

test('an issue is moved by the transition that leads there, and not again where it is there already', async () => {
  const { jira, call } = await atSite()
  const moved = await call('jira_move', { to: 'done', resolution: 'Fixed' })
  expect(moved).toEqual({ ok: true, output: "ACME-7 went from 'In Progress' to 'Done'." })
  expect([jira.issue.status, jira.issue.resolution]).toEqual(['Done', 'Fixed'])
  expect(await call('jira_move', { to: 'Done' })).toEqual({ ok: true, output: "ACME-7 is 'Done' already." })
  expect(await call('jira_move', { to: 'Reopen' })).toEqual({ ok: true, output: "ACME-7 went from 'Done' to 'To Do'." })
  expect(posts(jira, '/transitions')).toHaveLength(2)
  expect(await call('jira_move', { to: 'Done' })).toEqual(
    failed('jira_move', /'To Do' and cannot go to 'Done'; from there it can go to 'In Progress' \(by 'Start'\)/),
  )
})

test('a move whose answer is lost is one; one that Jira refuses says what Jira says', async () => {
  const { jira, call } = await atSite()
  jira.trouble.push({ when: /^POST .*transitions$/, after: true, cut: true })
  expect(await call('jira_move', { to: 'Done' })).toMatchObject({ ok: true })
  jira.issue.status = 'In Progress'
  const body = JSON.stringify({ errorMessages: [], errors: { resolution: 'Resolution is required.' } })
  jira.trouble.push({ when: /^POST .*transitions$/, status: 400, body })
  expect(await call('jira_move', { to: 'Done' })).toEqual(failed('jira_move', /resolution: Resolution is required/))
})

test('a rate limit is waited for; one that lasts is said with its seconds', async () => {
  const { jira, call } = await atSite()
  jira.trouble.push({ when: /^GET/, status: 429, headers: { 'retry-after': '1' }, times: 2 })
  const began = performance.now()
  expect(await call('jira_read_issue', {})).toMatchObject({ ok: true })
  expect(performance.now() - began).toBeGreaterThan(1_900)
  jira.trouble.push({ when: /^POST .*comment$/, status: 429, headers: { 'retry-after': '0' } })
  expect(await call('jira_comment', { text: 'x' })).toMatchObject({ ok: true })
  expect(jira.comments).toHaveLength(1)
  jira.trouble.push({ when: /./, status: 429, headers: { 'retry-after': '600' } })
  expect(await call('jira_read_issue', {})).toEqual(failed('jira_read_issue', /try again in 600 s/))
})

const errors: [status: number, says: RegExp][] = [
  [401, /did not accept JIRA_EMAIL with JIRA_API_TOKEN/],
  [403, /may not do this; do not try again\. Jira says: No\./],
  [404, /There is no such issue, or the account of JIRA_EMAIL may not see it/],
  [409, /Somebody changed the issue at the same time/],
  [500, /Jira answered 500/],
]
for (const [status, says] of errors) {
  test(`the answer ${status} is a clear result for the model`, async () => {
    const { jira, call } = await atSite()
    jira.trouble.push({ when: /./, times: 9, status, body: '{"errorMessages":["No."],"errors":{}}' })
    for (const [name, input] of [
      ['jira_read_issue', {}],
      ['jira_comment', { text: 'x' }],
      ['jira_move', { to: 'Done' }],
    ] as const) {
      expect(await call(name, input)).toEqual(failed(name, says))
    }
  })
}

test('an answer that is not Jira, a wrong token, a missing variable, another site: each is named, and no secret is told', async () => {
  const { jira, call } = await atSite()
  jira.trouble.push({ when: /./, status: 200, body: '<html>Log in</html>' })
  expect(await call('jira_read_issue', {})).toEqual(failed('jira_read_issue', /in a form that is not Jira's/))
  jira.trouble.push({ when: /./, status: 302, headers: { location: 'https://login.example.com/' } })
  expect(await call('jira_read_issue', {})).toEqual(failed('jira_read_issue', /'login.example.com' is not granted/))
  expect(await call('jira_read_issue', { issue: 'ACME-8' })).toEqual(failed('jira_read_issue', /no such issue/))
  const { call: wrong } = await atSite({ ...account, JIRA_API_TOKEN: 'wrong-token' })
  const refused = await wrong('jira_read_issue', {})
  expect(refused).toEqual(failed('jira_read_issue', /did not accept/))
  expect(refused.output).not.toContain('wrong-token')
  const { call: without } = await atSite({})
  expect(await without('jira_move', { to: 'Done' })).toEqual(failed('jira_move', /JIRA_API_TOKEN must be set/))
  const { call: elsewhere, jira: unasked } = await atSite({ ...account, JIRA_BASE_URL: 'https://evil.example.com' })
  expect(await elsewhere('jira_read_issue', {})).toEqual(failed('jira_read_issue', /may only reach 'localhost:\d+'/))
  const { call: bare } = await atSite({ ...account, JIRA_BASE_URL: `http://${unasked.site}` })
  expect(await bare('jira_read_issue', {})).toMatchObject({ ok: false })
  expect(unasked.asked).toEqual([])
})

test('a key that is a path is not even tried', async () => {
  const { jira, call } = await atSite()
  for (const issue of ['ACME-7/../../../user', 'ACME-7?x', '../ACME-7', 'acme-7', 'ACME-0', '']) {
    expect(await call('jira_comment', { issue, text: 'x' })).toMatchObject({ denied: { code: 'schema' } })
  }
  expect(jira.asked).toEqual([])
})
