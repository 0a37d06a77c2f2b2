import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findDefinitions } from '../../../adapters/definitions/sources.ts'

let room: string
beforeAll(async () => {
  room = await realpath(await mkdtemp(join(tmpdir(), 'definitions-')))
  for (const path of [
    'repo/codeband.config.ts',
    'repo/.agents/coder.ts',
    'repo/.agents/a.ts',
    'repo/.agents/a.test.ts',
    'repo/.agents/roles.d.ts',
    'repo/.agents/note.md',
    'repo/.agents/old.js',
    'repo/.agents/.hidden.ts',
    'repo/.agents/types/roles.ts',
    'repo/.agents/tools/jira.ts',
    'repo/.agents/tools/jira.test.ts',
    'repo/.agents/node_modules/x/index.ts',
    'codeband/roles/planner.js',
    'codeband/roles/planner.d.ts',
    'codeband/roles/coder.js',
    'data/codeband.config.yaml',
  ]) {
    await mkdir(dirname(join(room, path)), { recursive: true })
    await writeFile(join(room, path), path.endsWith('.yaml') ? 'sandbox: off\n' : '')
  }
})
afterAll(() => rm(room, { recursive: true, force: true }))

const builtin = () => join(room, 'codeband/roles')
const shipped = () => [
  { name: 'role:roles/coder.js', path: join(builtin(), 'coder.js') },
  { name: 'role:roles/planner.js', path: join(builtin(), 'planner.js') },
]

test('roles are the sources directly in .agents, and a configuration that is code comes with them', async () => {
  const root = join(room, 'repo')
  const file = join(root, 'codeband.config.ts')
  expect(await findDefinitions({ root, builtin: builtin() })).toEqual({
    own: [
      { name: 'role:.agents/a.ts', path: join(root, '.agents/a.ts') },
      { name: 'role:.agents/coder.ts', path: join(root, '.agents/coder.ts') },
      { name: 'config', path: file },
    ],
    user: [],
    builtin: shipped(),
    tools: [{ name: 'tool:.agents/tools/jira.ts', path: join(root, '.agents/tools/jira.ts') }],
    config: { file, text: '' },
  })
})

test('a configuration of data is read, not run', async () => {
  const root = join(room, 'data')
  const file = join(root, 'codeband.config.yaml')
  expect(await findDefinitions({ root, builtin: builtin() })).toEqual({
    own: [],
    user: [],
    builtin: shipped(),
    tools: [],
    config: { file, data: { sandbox: 'off' }, text: 'sandbox: off\n' },
  })
})

test('a repository without definitions has only what ships', async () => {
  expect(await findDefinitions({ root: room, builtin: builtin() })).toEqual({
    own: [],
    user: [],
    builtin: shipped(),
    tools: [],
  })
  expect(await findDefinitions({ root: room, builtin: join(room, 'absent') })).toMatchObject({ builtin: [] })
})
