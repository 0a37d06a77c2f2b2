import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Recorded } from '../../core/protocol/events.ts'
import { cli, cliEnv, ended, startCli } from '../scene/cli.ts'
import { personsGit, place } from '../scene/place.ts'
import { commandsOf, runCommands } from '../scene/shell.ts'
import { account, jiraSite, type StandIn } from '../stand-ins/jira.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))
const commands = commandsOf('examples/04-jira/README.md')
/** All but the last one, which runs the band. */
const preparation = commands.replace(/.* run ACME-7\n$/, '')

/** A person's environment with a Jira site, and the repository that the README makes. */
async function prepared(): Promise<{ jira: StandIn; env: Record<string, string>; repo: () => string }> {
  const jira = await jiraSite()
  const at = place()
  const cert = join(at, 'site.pem')
  writeFileSync(cert, jira.cert)
  const env = cliEnv(at, { ...account, JIRA_SITE: jira.site, NODE_EXTRA_CA_CERTS: cert })
  const repo = () => join(at, readdirSync(at).find((name) => name.startsWith('tmp.'))!)
  return { jira, env, repo }
}

function inJira({ comments, issue, asked }: StandIn) {
  const texts = comments.map(({ body }) => JSON.stringify(body))
  const moves = asked.filter(({ method, url }) => method === 'POST' && url.endsWith('/transitions'))
  return { status: issue.status, comments: texts.length, moves: moves.length, text: texts[0] }
}

test('an issue becomes a task, is worked on, and gets a comment and its last status, as the README says', {
  timeout: 120_000,
}, async () => {
  const { jira, env, repo } = await prepared()
  const stdout = await runCommands(commands, env)
  expect(stdout).toMatch(/\[boundary\] +jira-agent-claude-0 write_file src\/price\.js: denied, tool-not-in-role/)
  expect(stdout).toMatch(/Landed on main/)
  const landed = personsGit(repo(), 'rev-parse', 'main')
  const text = expect.stringMatching(new RegExp(`A price always shows its cents.*${landed.slice(0, 12)}`))
  expect(inJira(jira)).toEqual({ status: 'Done', comments: 1, moves: 1, text })
  expect(personsGit(repo(), 'show', 'main:src/price.js')).toContain('toFixed(2)')
  const log = (await cli(repo(), ['log', '--json'], env)).stdout
  expect(log).not.toContain(account.JIRA_API_TOKEN)
  const events = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
  const prompts = events.flatMap((one) => (one.type === 'TurnStarted' ? [[one.role, one.prompt] as const] : []))
  for (const role of ['file-picker', 'planner']) {
    expect(prompts.find(([one]) => one === role)?.[1]).toContain('Task: ACME-7: every price shows two digits of cents')
  }
})

for (const [what, when] of [
  ['comment', /^POST .*comment$/],
  ['move', /^POST .*transitions$/],
] as const) {
  test(`killed when Jira has taken the ${what} and before it has answered, the resumed run does not do it again`, {
    timeout: 120_000,
  }, async () => {
    const { jira, env, repo } = await prepared()
    await runCommands(preparation, env)
    const child = startCli(repo(), ['run', 'ACME-7', '--json'], env)
    jira.trouble.push({ when, after: true, cut: true, meanwhile: () => process.kill(-child.pid!, 'SIGKILL') })
    expect((await ended(child)).code).toBe(null)
    expect(inJira(jira)).toMatchObject(what === 'comment' ? { comments: 1, moves: 0 } : { comments: 1, moves: 1 })
    const resumed = await cli(repo(), ['resume'], env)
    expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
    expect(inJira(jira)).toMatchObject({ status: 'Done', comments: 1, moves: 1 })
  })
}

test('the role files and tools of the example compile under strict TypeScript', { timeout: 120_000 }, async () => {
  const { env, repo } = await prepared()
  await runCommands(preparation, env)
  const path = (file: string): string[] => [join(house, file)]
  const compilerOptions = {
    paths: { codeband: path('adapters/index.ts'), 'codeband/roles': path('adapters/roles.ts') },
    typeRoots: [join(house, 'node_modules/@types')],
  }
  const include = ['.agents/**/*.ts']
  const config = join(repo(), 'tsconfig.json')
  writeFileSync(config, JSON.stringify({ extends: join(house, 'tsconfig.json'), compilerOptions, include }))
  const tsc = spawnSync(join(house, 'node_modules/.bin/tsc'), ['-p', config, '--noEmit'], { encoding: 'utf8' })
  expect(tsc.stdout.split('\n').filter((line) => line.includes('.agents/'))).toEqual([])
  expect(readFileSync(join(repo(), '.agents/jira/project.ts'), 'utf8')).toContain(env.JIRA_SITE)
})
