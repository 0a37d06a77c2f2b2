import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideCommand, splitCommand } from '../../core/boundary/command.ts'

const granted = [
  ['npm', 'test'],
  ['npx', 'tsc', '--noEmit'],
  ['sh', '-c', 'echo "a  b" | wc'],
] as const
const grant = { name: 'run_tests', commands: granted }

test('an accepted command is the granted one, byte for byte', () => {
  const word = fc.oneof(
    fc.constantFrom('npm', 'test', 'npx', 'tsc', '--noEmit', '-c', '', ' ', 'NPM', 'tes\u0074\u0301'),
    fc.string(),
  )
  const argv = fc.oneof(fc.constantFrom(...granted.map((one) => [...one])), fc.array(word, { maxLength: 5 }))
  const near = fc.tuple(argv, fc.nat(5), word).map(([words, at, extra]) => words.toSpliced(at, 0, extra))
  fc.assert(
    fc.property(fc.oneof(argv, near), (words) => {
      const decision = decideCommand(grant, { argv: words })
      const expected = granted.some((one) => JSON.stringify(one) === JSON.stringify(words))
      expect(decision.allowed).toBe(expected)
      if (decision.allowed) expect(granted).toContain(decision.argv)
    }),
    { numRuns: 2000 },
  )
})

test('an accepted string is a granted command with other blanks at most', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('npm', 'test', ' ', '  ', '\t', '\n', ';', '\u00a0', '"', 'npx', 'tsc', '--noEmit'))
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (command) => {
      const decision = decideCommand(grant, { command })
      if (decision.allowed) expect(decision.argv.join(' ')).toBe(command.trim().replace(/ +/g, ' '))
    }),
    { numRuns: 5000 },
  )
})

test('a declared command splits at blanks, or is a problem, and nothing a shell reads specially gets through', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (command) => {
      const result = splitCommand(command)
      if ('argv' in result) expect(command).toMatch(/^[A-Za-z0-9_@%+=:,./ -]+$/)
    }),
    { numRuns: 5000 },
  )
})

test('without argv and command the only granted one is meant', () => {
  expect(decideCommand({ name: 'run_tests', commands: [['npm', 'test']] }, {})).toEqual({
    allowed: true,
    argv: ['npm', 'test'],
  })
  expect(decideCommand(grant, {})).toMatchObject({ code: 'argv-not-allowlisted' })
  expect(decideCommand({ name: 'run_tests', commands: [] }, {})).toMatchObject({ code: 'argv-not-allowlisted' })
})

test('a denial says what would be allowed, and shows what was sent with every invisible character as an escape', () => {
  const decision = decideCommand(grant, { argv: ['npm', 'te\u200bst\u202e'] })
  expect(decision).toMatchObject({
    code: 'argv-not-allowlisted',
    reason:
      `'npm te\\u{200b}st\\u{202e}' is not granted; a command must match word for word. Granted to run_tests: ` +
      `["npm","test"], ["npx","tsc","--noEmit"], ["sh","-c","echo \\"a  b\\" | wc"].`,
  })
})

test.each([
  ['both forms', { argv: ['npm', 'test'], command: 'npm test' }, 'schema'],
  ['a NUL in a word', { argv: ['npm', 'test\0'] }, 'schema'],
  ['a NUL in a string', { command: 'npm test\0' }, 'schema'],
  ['git with an option that executes', { argv: ['git', '-c', 'a=b', 'status'] }, 'option-injection'],
  ['git with a path outside', { argv: ['git', 'add', '../x'] }, 'path-outside-root'],
  ['plain git', { argv: ['git', 'status'] }, 'argv-not-allowlisted'],
])('%s is denied', (_, input, code) => expect(decideCommand(grant, input)).toMatchObject({ allowed: false, code }))

test('a decision on a megabyte of hostile text takes milliseconds', () => {
  for (const piece of ['"', "'", '\\', '$', ' ', 'a ', '"\\', 'npm ']) {
    const command = piece.repeat(1_000_000 / piece.length)
    const started = performance.now()
    decideCommand(grant, { command })
    decideCommand(grant, { argv: command.split(' ') })
    expect(performance.now() - started).toBeLessThan(1000)
  }
})

test('what a shell would act on is told as such in a string, and is a letter like any other in a word', () => {
  const grant = { name: 'run_command', commands: [['echo', 'a;b']] } as const
  for (const command of ['echo a;b', 'echo a | cat', 'echo `id`', 'echo "$(id)"', 'echo a\nid', 'echo a > b'])
    expect(decideCommand(grant, { command })).toMatchObject({ allowed: false, code: 'shell-metachar' })
  expect(decideCommand(grant, { argv: ['echo', 'a;b'] })).toEqual({ allowed: true, argv: ['echo', 'a;b'] })
})
