import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// What a stranger does with the package: install the tarball in an empty folder and use everything it offers.
const root = fileURLToPath(new URL('../..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'codeband-smoke-'))
const env = { ...process.env, XDG_STATE_HOME: join(place, 'state'), HOME: process.env.HOME ?? place }
let passed = 0

function run(cwd: string, command: string, ...argv: string[]): string {
  return execFileSync(command, argv, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  })
}
function check(name: string, holds: boolean): void {
  if (!holds) throw new Error(`smoke: ${name}`)
  passed++
  console.log(`ok  ${name}`)
}

run(root, 'npm', 'pack', '--pack-destination', place)
const tarball = join(place, readdirSync(place).find((name) => name.endsWith('.tgz'))!)

for (const flags of [[], ['--ignore-scripts']]) {
  const how = flags.join(' ') || 'plain'
  const folder = join(place, flags.length === 0 ? 'plain' : 'no-scripts')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"name":"stranger","private":true,"type":"module"}')
  run(folder, 'npm', 'install', ...flags, tarball)
  const codeband = join(folder, 'node_modules/.bin/codeband')
  const installed = JSON.parse(run(folder, 'node', '-p', 'JSON.stringify(require("codeband/package.json"))'))
  check(`${how}: --version`, run(folder, codeband, '--version').trim() === installed.version)
  check(
    `${how}: no install script in the package`,
    !['preinstall', 'install', 'postinstall'].some((name) => name in installed.scripts),
  )
  check(`${how}: no vendor's client was installed with it`, !existsSync(join(folder, 'node_modules/@anthropic-ai')))

  const repo = join(folder, 'repo')
  mkdirSync(repo)
  writeFileSync(join(repo, 'package.json'), '{"name":"mine","private":true,"scripts":{"test":"node --test"}}')
  run(repo, 'git', 'init', '-q', '-b', 'main')
  run(repo, 'git', '-c', 'user.name=a', '-c', 'user.email=a@localhost', 'commit', '-q', '--allow-empty', '-m', 'start')
  run(repo, codeband, 'init')
  check(
    `${how}: init writes the configuration and a role`,
    existsSync(join(repo, 'codeband.config.ts')) && existsSync(join(repo, '.agents/scribe.ts')),
  )
  const roles = JSON.parse(run(repo, codeband, 'roles', '--json'))
  check(
    `${how}: roles --json lists the built-in roles and the new one`,
    ['conductor', 'coder', 'scribe'].every((id) => roles.roles.some((role: { id: string }) => role.id === id)),
  )
  const tsc = join(root, 'node_modules/.bin/tsc')
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--allowImportingTsExtensions', '--types', '']
  const definitions = ['codeband.config.ts', '.agents/scribe.ts', '.agents/tools/list-todos.ts']
  run(repo, tsc, ...strict, ...definitions)
  check(`${how}: what init wrote is typed beside the package`, true)
  // A repository without JavaScript has no package to take types from: there are only those in .agents/types.
  const alone = join(place, `alone-${flags.length}`)
  mkdirSync(alone)
  for (const path of ['.agents', 'codeband.config.ts']) cpSync(join(repo, path), join(alone, path), { recursive: true })
  run(alone, tsc, ...strict, ...definitions)
  const scribe = join(alone, '.agents/scribe.ts')
  writeFileSync(scribe, readFileSync(scribe, 'utf8').replace("'read_files'", "'read_file'"))
  check(
    `${how}: .agents/types alone finds a wrong tool name`,
    spawnSync(tsc, [...strict, ...definitions], { cwd: alone }).status !== 0,
  )

  const playing = `import { defineRole, z } from 'codeband'
import { playRole } from 'codeband/testing'
const role = defineRole({ id: 'echo', description: 'x', output: z.object({ text: z.string() }) })
const { output } = await playRole(role, { script: [{ steps: [{ call: 'set_output', input: { text: 'played' } }] }] })
console.log(output?.text)`
  writeFileSync(join(folder, 'play.mjs'), playing)
  check(`${how}: codeband/testing plays a role`, run(folder, 'node', 'play.mjs').trim() === 'played')
  check(`${how}: demo lands`, /Landed on main/.test(run(folder, codeband, 'demo')))

  writeFileSync(
    join(folder, 'use.ts'),
    `import { createBand, defineRole, type Role, z } from 'codeband'
import { scripted } from 'codeband/scripted'
const role: Role = defineRole({ id: 'scribe', description: 'x', input: z.object({ topic: z.string() }), userPrompt: ({ topic }) => topic.toUpperCase() })
export const open = () => createBand({ repo: '.', frameworks: { a: scripted({ id: 'a', family: 'x', script: { turns: [] } }) }, roles: [role] })
console.log(typeof open)
`,
  )
  writeFileSync(
    join(folder, 'tsconfig.json'),
    '{"compilerOptions":{"strict":true,"module":"nodenext","target":"es2024","noEmit":true,"skipLibCheck":false,"types":[],"lib":["es2024","dom"]},"files":["use.ts"]}',
  )
  run(folder, join(root, 'node_modules/.bin/tsc'), '-p', '.')
  check(`${how}: the library's types hold under strict TypeScript`, true)
  check(
    `${how}: the library is imported`,
    run(
      folder,
      'node',
      '--input-type=module',
      '-e',
      "import { createBand } from 'codeband'; console.log(typeof createBand)",
    ).trim() === 'function',
  )
}
console.log(`${passed} passed, 0 failed`)
