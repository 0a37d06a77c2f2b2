import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decidePath, mayWrite } from '../../core/boundary/path.ts'
import { changesBandKey, fold, protectedPaths, protection } from '../../core/boundary/protected.ts'

test.each([
  ['src/a.ts', 'src/a.ts'],
  ['./src//a.ts', 'src/a.ts'],
  ['src/../lib/a.ts', 'lib/a.ts'],
  ['/w/repo/src/a.ts', 'src/a.ts'],
  ['src/', 'src'],
  ['...x/a', '...x/a'],
  ['src/$HOME.ts', 'src/$HOME.ts'],
  ['a~b', 'a~b'],
  ['.github-notes.md', '.github-notes.md'],
  ['docs/.github/x.md', 'docs/.github/x.md'],
  ['git/config', 'git/config'],
  ['.gitignore', '.gitignore'],
  ['console.ts', 'console.ts'],
])('%j may be written, as %j', (path, normalized) => {
  expect(decidePath(path, 'write', '/w/repo')).toEqual({ allowed: true, path: normalized })
})

test.each([
  ['', 'schema'],
  ['a\nb', 'schema'],
  ['a\x7f', 'schema'],
  ['a\ud800', 'schema'],
  ['..', 'path-outside-root'],
  ['a/../../b', 'path-outside-root'],
  ['/', 'path-outside-root'],
  ['/w/repository/x', 'path-outside-root'],
  ['//w/repo/x', 'path-outside-root'],
  ['~', 'path-outside-root'],
  ['~root/x', 'path-outside-root'],
  ['$'.concat('{HOME}/x'), 'path-outside-root'],
  ['%USERPROFILE%/x', 'path-outside-root'],
  ['\\\\server\\share', 'path-outside-root'],
  ['.', 'not-regular-file'],
  ['/w/repo', 'not-regular-file'],
  ['https://example.com/x', 'url-scheme'],
  ['a\\b', 'portable-name'],
  ['a:b', 'portable-name'],
  ['nul', 'portable-name'],
  ['x/COM1.txt', 'portable-name'],
  ['lpt\u00b9', 'portable-name'],
  ['dir./x', 'portable-name'],
  ['x ', 'portable-name'],
  ['.Agents/x.ts', 'protected-path'],
  ['a/b/.npmrc', 'protected-path'],
  ['codeband.config.TS', 'protected-path'],
  ['.codebandrc.json', 'protected-path'],
  ['.config/codeband.config.js', 'protected-path'],
  ['Jenkinsfile', 'protected-path'],
  ['JENKINSFILE', 'protected-path'],
  ['.Github/workflows/x.yml', 'protected-path'],
  ['.gitlab-ci.yml', 'protected-path'],
  ['.g\u0131t/config', 'protected-path'],
  ['.gitattribute\u017f', 'protected-path'],
  ['\uff0egit/config', 'protected-path'],
  ['.git \u200d./x', 'protected-path'],
  ['gi7eba~1', 'protected-path'],
  ['CLAUDE~1/settings.json', 'protected-path'],
])('%j may not be written: %s', (path, code) => {
  expect(decidePath(path, 'write', '/w/repo')).toMatchObject({ allowed: false, code })
})

test.each(['.git', '.git/config', 'a/.GIT', 'git~1', '.git./x'])('%j may not even be read', (path) => {
  expect(decidePath(path, 'read')).toMatchObject({ code: 'protected-path' })
})

test.each(['.github/workflows/ci.yml', '.agents/coder.ts', 'aux.ts', 'a:b', '.npmrc'])('%j may be read', (path) => {
  expect(decidePath(path, 'read')).toEqual({ allowed: true, path })
})

test('an allowed path stays inside, is normalized, and is decided the same way again', () => {
  const part = fc.oneof(
    fc.constantFrom('..', '.', '', 'src', '.git', '.GIT', 'a b', '...', '~', '\\', '.g\u200cit', 'C:'),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  const path = fc
    .tuple(fc.constantFrom('', '/', '/w/repo/', './'), fc.array(part, { maxLength: 6 }))
    .map(([start, parts]) => start + parts.join('/'))
  fc.assert(
    fc.property(path, fc.constantFrom('read' as const, 'write' as const), (text, access) => {
      const decision = decidePath(text, access, '/w/repo')
      if (!decision.allowed) return
      const parts = decision.path.split('/')
      expect(decision.path.startsWith('/')).toBe(false)
      expect(parts).not.toContain('..')
      expect(parts.map(fold)).not.toContain('.git')
      if (decision.path !== '') expect(decidePath(decision.path, access, '/w/repo')).toEqual(decision)
    }),
    { numRuns: 5000 },
  )
})

test('every spelling of a protected name by case and invisible letters is protected', () => {
  const ignorable = fc.constantFrom('', '\u200c', '\u200d', '\u206f', '\ufeff', '\u202a')
  fc.assert(
    fc.property(
      fc.constantFrom(...protectedPaths),
      fc.array(fc.tuple(fc.boolean(), ignorable), { minLength: 40, maxLength: 40 }),
      (name, marks) => {
        const spelled = [...name]
          .map((char, at) => (marks[at]![0] ? char.toUpperCase() : char) + marks[at]![1])
          .join('')
        expect(protection(spelled)).toBeDefined()
      },
    ),
    { numRuns: 2000 },
  )
})

test('a boundary with globs writes inside them alone, and never what is protected', () => {
  const boundary = { writes: ['src/**', '.github/**'] }
  expect(
    ['src/a.ts', 'src/b/c.ts', 'lib/a.ts', '.github/x.yml', 'src/.npmrc', 'src/../lib/a.ts'].filter((path) =>
      mayWrite(boundary, path),
    ),
  ).toEqual(['src/a.ts', 'src/b/c.ts'])
  expect(mayWrite({ writes: undefined }, 'lib/a.ts')).toBe(true)
  expect(mayWrite({ writes: [] }, 'lib/a.ts')).toBe(false)
})

test.each([
  ['{}', '{"a":1}', false],
  [undefined, '{"name":"x"}', false],
  ['{"codeband":{"a":1}}', '{"x":2,"codeband": {"a": 1}}', false],
  [undefined, '{"codeband":{}}', true],
  ['{"codeband":{"a":1}}', '{"codeband":{"a":2}}', true],
  ['{"codeband":{"a":1}}', '{}', true],
  ['{"codeband":{"a":1}}', undefined, true],
  ['{}', undefined, false],
  ['{}', '{"codeband":', true],
  ['{}', '{"a":1,"\\u0063odeband":{}}', true],
  ['not json', '{"codeband":{}}', true],
  ['not json', '{"a":1}', false],
])('from %j to %j changes the configuration in package.json: %j', (before, after, changes) => {
  expect(changesBandKey(before, after)).toBe(changes)
})

test('a path of very many folders is refused, so that no glob can be slow on it', () => {
  expect(decidePath(`${'a/'.repeat(63)}b`, 'write')).toMatchObject({ allowed: true })
  expect(decidePath(`${'a/'.repeat(64)}b`, 'write')).toMatchObject({ code: 'schema' })
})

test('a path decision takes little, also on hostile text', () => {
  for (const piece of ['../', './', '/', '.', ' ', '.git/', 'a/', '\u200c', '\\', '~', '$HOME/', '::$']) {
    const path = piece.repeat(Math.floor(4096 / piece.length))
    // The processor's time: what else the machine does takes none of it.
    const started = process.cpuUsage()
    decidePath(path, 'write', '/w/repo')
    expect(process.cpuUsage(started).user).toBeLessThan(100_000)
  }
})
