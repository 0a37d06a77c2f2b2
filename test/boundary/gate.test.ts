import { expect, test } from 'vitest'
import { compileBoundary } from '../../core/boundary/boundary.ts'
import { decideCall, type PathFacts, type Use } from '../../core/boundary/gate.ts'
import type { Role } from '../../core/role/role.ts'

const role: Role = {
  id: 'scribe',
  description: 'Writes.',
  writes: ['src/**', 'bare/**'],
  tools: [
    'write_file',
    { name: 'read_files', paths: ['src/**'] },
    { name: 'fetch_url', allowedHosts: ['example.com', 'localhost:8443'] },
  ],
  spawnableRoles: ['file-picker'],
}

const compiled = compileBoundary(role, { worker: 'scribe-x-0', input: {} })
if ('problems' in compiled) throw new Error(compiled.problems.join())
const { boundary } = compiled

function facts(path: string, ...kinds: PathFacts['parts'][number]['kind'][]): [string, PathFacts] {
  const parts = kinds.map((kind) => ({ kind, links: 1 }))
  return [path, { parts, leads: { inside: path }, siblings: [] }]
}

function code(tool: string, use: Use, ...known: [string, PathFacts][]): string {
  const decision = decideCall(boundary, { tool, uses: [use] }, new Map(known))
  return decision.allowed ? 'allowed' : decision.code
}

test('what the file system does not answer for is denied', () => {
  expect(code('write_file', { kind: 'write', path: 'src/a.ts' })).toBe('policy-unavailable')
  expect(code('write_file', { kind: 'write', path: 'src/a.ts' }, facts('src/a.ts', 'directory', 'file'))).toBe(
    'allowed',
  )
})

test('a use is decided under the grant of its own tool', () => {
  expect(code('delete_file', { kind: 'delete', path: 'src/a.ts' }, facts('src/a.ts', 'directory', 'file'))).toBe(
    'tool-not-in-role',
  )
  expect(code('read_files', { kind: 'read', path: 'lib/a.ts' }, facts('lib/a.ts', 'directory', 'file'))).toBe(
    'above-ceiling',
  )
  expect(code('write_file', { kind: 'write', path: 'lib/a.ts' }, facts('lib/a.ts', 'directory', 'missing'))).toBe(
    'above-ceiling',
  )
})

test('one bad use among good ones denies the call', () => {
  const uses: Use[] = [
    { kind: 'write', path: 'src/a.ts' },
    { kind: 'write', path: '.npmrc' },
  ]
  expect(
    decideCall(boundary, { tool: 'write_file', uses }, new Map([facts('src/a.ts', 'directory', 'file')])),
  ).toMatchObject({ code: 'protected-path' })
})

test.each([
  ['https://example.com/x?y', 'allowed'],
  ['https://EXAMPLE.com', 'allowed'],
  ['https://localhost:8443/', 'allowed'],
  ['https://localhost/', 'host-not-allowed'],
  ['https://example.com:444/', 'host-not-allowed'],
  ['https://example.com.evil.test/', 'host-not-allowed'],
  ['https://evil.test\\@example.com/', 'host-not-allowed'],
  ['https://example.com@evil.test/', 'host-not-allowed'],
  ['https://user@example.com/', 'host-not-allowed'],
  ['https://example.com./', 'host-not-allowed'],
  ['http://example.com/', 'url-scheme'],
  ['file:///etc/passwd', 'url-scheme'],
  ['example.com', 'schema'],
])('fetching %j: %s', (url, expected) => expect(code('fetch_url', { kind: 'fetch', url })).toBe(expected))

test.each([
  ['a link to a file inside the grant is read', { inside: 'src/b.ts' }, 'allowed'],
  ['a link to a file outside the grant is not', { inside: 'lib/b.ts' }, 'above-ceiling'],
  ['a link into .git is not', { inside: '.git/config' }, 'protected-path'],
  ['a link out of the worktree is not', 'outside', 'symlink'],
  ['a link to nothing is harmless', 'nowhere', 'allowed'],
] satisfies [string, PathFacts['leads'], string][])('%s', (_, leads, expected) => {
  const known: PathFacts = { parts: [{ kind: 'directory' }, { kind: 'symlink' }], siblings: [], leads }
  expect(code('read_files', { kind: 'read', path: 'src/l.ts' }, ['src/l.ts', known])).toBe(expected)
})

test.each([
  ['src/A.ts', ['a.ts'], 'case-collision'],
  ['src/stra\u00dfe.ts', ['STRASSE.ts'], 'unicode-collision'],
  ['src/\u212bngstrom', ['\u00e5ngstrom'], 'unicode-collision'],
  ['src/new.ts', ['a.ts', 'New2.ts'], 'allowed'],
  ['bare/HEAD', ['objects', 'refs'], 'bare-layout'],
  ['bare/head', ['Objects', 'REFS'], 'bare-layout'],
  ['bare/HEAD', ['objects'], 'allowed'],
] satisfies [string, string[], string][])('creating %j beside %j: %s', (path, siblings, expected) => {
  const known: PathFacts = { parts: [{ kind: 'directory' }, { kind: 'missing' }], siblings, leads: { inside: path } }
  expect(code('write_file', { kind: 'write', path }, [path, known])).toBe(expected)
})

test('spawning follows the declared edges exactly', () => {
  expect(code('spawn_roles', { kind: 'spawn', role: 'file-picker' })).toBe('allowed')
  expect(code('spawn_roles', { kind: 'spawn', role: 'File-Picker' })).toBe('not-spawnable')
})

test('a write goes through no link, symbolic or hard; a link itself may be removed, and a hard link read', () => {
  const write: Use = { kind: 'write', path: 'src/a.ts' }
  expect(code('write_file', write, facts('src/a.ts', 'directory', 'symlink'))).toBe('symlink')
  expect(code('write_file', write, facts('src/a.ts', 'symlink', 'file'))).toBe('symlink')
  const two: PathFacts = {
    parts: [{ kind: 'directory' }, { kind: 'file', links: 2 }],
    leads: { inside: 'src/a.ts' },
    siblings: [],
  }
  expect(code('write_file', write, ['src/a.ts', two])).toBe('hardlink')
  expect(code('read_files', { kind: 'read', path: 'src/a.ts' }, ['src/a.ts', two])).toBe('allowed')
})

test('a granted host is that name and no other: not what ends with it, begins with it or lies below it', () => {
  const fetched = (url: string) => code('fetch_url', { kind: 'fetch', url })
  expect(fetched('https://example.com/x')).toBe('allowed')
  for (const host of ['evil-example.com', 'example.com.evil.org', 'a.example.com', 'example.com:8443', 'example.co'])
    expect(fetched(`https://${host}/`), host).toBe('host-not-allowed')
})
