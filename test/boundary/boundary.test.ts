import { expect, test } from 'vitest'
import { compileBoundary } from '../../core/boundary/boundary.ts'
import type { Role } from '../../core/role/role.ts'

const base = { id: 'scribe', description: 'Writes.' }

function compiled(role: Partial<Role>, input: unknown = {}, additionalTools: string[] = []) {
  return compileBoundary({ ...base, ...role }, { worker: 'scribe-x-0', input, additionalTools })
}

function boundaryOf(...args: Parameters<typeof compiled>) {
  const result = compiled(...args)
  if ('problems' in result) throw new Error(result.problems.join('\n'))
  return result.boundary
}

test('a role has what it names and nothing else', () => {
  const { grants, ...rest } = boundaryOf({
    tools: ['read_files', { name: 'run_tests', allowedCommands: ['npm test', ['sh', '-c', 'a b']] }],
  })
  expect(rest).toEqual({ role: 'scribe', worker: 'scribe-x-0', writes: undefined, spawnable: [] })
  expect([...grants.values()]).toEqual([
    { name: 'read_files', commands: [], hosts: [], paths: undefined },
    {
      name: 'run_tests',
      commands: [
        ['npm', 'test'],
        ['sh', '-c', 'a b'],
      ],
      hosts: [],
      paths: undefined,
    },
  ])
})

test.each([
  [{ produces: 'plan' }, ['submit_plan']],
  [{ produces: 'verdict' }, ['submit_verdict']],
  [{ produces: 'change' }, []],
  [{ output: { type: 'string' } }, ['set_output']],
  [{ spawnableRoles: ['file-picker'] }, ['spawn_roles']],
  [{ spawnableRoles: [] }, []],
] satisfies [Partial<Role>, string[]][])('what a role hands over and spawns grants its tool: %j', (role, names) => {
  expect([...boundaryOf(role).grants.keys()]).toEqual(names)
})

test('a generator adds only what optionalTools names, with the options given there', () => {
  const role: Partial<Role> = {
    tools: ['read_files'],
    optionalTools: [{ name: 'run_command', allowedCommands: ['npx tsc'] }],
  }
  expect(boundaryOf(role).grants.has('run_command')).toBe(false)
  expect(boundaryOf(role, {}, ['run_command']).grants.get('run_command')?.commands).toEqual([['npx', 'tsc']])
  expect(compiled(role, {}, ['write_file', 'run_commands'])).toEqual({
    problems: [
      "the generator asked for 'write_file', which 'optionalTools' does not name",
      "the generator asked for 'run_commands', which 'optionalTools' does not name",
    ],
  })
})

test('an optional grant adds commands to the one that is there', () => {
  const tools: Role['tools'] = [{ name: 'run_command', allowedCommands: ['a'] }]
  const optionalTools: Role['tools'] = [{ name: 'run_command', allowedCommands: ['b'] }]
  expect(boundaryOf({ tools, optionalTools }, {}, ['run_command']).grants.get('run_command')?.commands).toEqual([
    ['a'],
    ['b'],
  ])
})

test('a role writes what it declares, else the files of its subtask, else everything', () => {
  const input = { subtask: { files: ['src/a.ts'] } }
  expect(boundaryOf({ writes: ['docs/**'] }, input).writes).toEqual(['docs/**'])
  expect(boundaryOf({ writes: [] }, input).writes).toEqual([])
  expect(boundaryOf({}, input).writes).toEqual(['src/a.ts'])
  expect(boundaryOf({}, { subtask: { files: [] } }).writes).toBeUndefined()
  expect(boundaryOf({}, null).writes).toBeUndefined()
})

test.each([
  'npm test && rm -rf /',
  'npm test; id',
  'npm $(id)',
  'npm `id`',
  "npm 'test'",
  'npm "test"',
  'npm te\\st',
  'rm *.ts',
  'rm file?',
  'ls [a]',
  'ls {a,b}',
  'ls > x',
  'CI=1 npm test',
  'npm test\nid',
  'npm\ttest',
  'npm\u00a0test',
  'npm test\u202e',
  'npm test\0',
  'npm test # x',
  'ls ~/x',
  '',
  '  ',
])('a command that a shell would read otherwise must be given as a list: %j', (command) => {
  expect(compiled({ tools: [{ name: 'run_tests', allowedCommands: [command] }] })).toMatchObject({
    problems: [expect.stringContaining("'run_tests' allows")],
  })
})

test.each([[[]], [['']], [['npm', 'a\0b']]])('a list without a program or with a NUL is a problem: %j', (argv) => {
  expect(compiled({ tools: [{ name: 'run_tests', allowedCommands: [argv] }] })).toHaveProperty('problems')
})

test.each(['Example.com', 'https://example.com', '*.example.com', 'example.com/path', ''])(
  'a host is an exact name: %j is a problem',
  (host) => expect(compiled({ tools: [{ name: 'fetch_url', allowedHosts: [host] }] })).toHaveProperty('problems'),
)

test('a submit tool cannot be granted by itself', () => {
  expect(compiled({ tools: ['submit_verdict', 'set_output'], produces: 'plan' })).toEqual({
    problems: [
      "'submit_verdict' comes with what the role produces or outputs, it cannot be granted by itself",
      "'set_output' comes with what the role produces or outputs, it cannot be granted by itself",
    ],
  })
  expect([...boundaryOf({ tools: ['submit_plan'], produces: 'plan' }).grants.keys()]).toEqual(['submit_plan'])
})

test('a submit tool cannot come in as an optional one either', () => {
  expect(compiled({ optionalTools: ['submit_verdict'] }, {}, ['submit_verdict'])).toHaveProperty('problems')
})
