import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type At, locate } from '../../core/role/locate.ts'
import { tokensOf } from '../../core/role/source-tokens.ts'

/** The source from the place on, so that a test reads as what is found. */
function found(source: string, at: At): string {
  const { line, column } = locate(source, at)
  return source
    .split('\n')
    .slice(line - 1)
    .join('\n')
    .slice(column - 1)
}

describe('locate', () => {
  test('values, keys, items and parts of strings are found, past comments, strings, templates and regular expressions that look alike', () => {
    const source = `// tools: ['no']
const text = "tools: ['no']" + \`tools: \${[{ a: '}' }].map((x) => \`\${x.a}\`)} ['no']\`
const pattern = /tools: \\[['"]/
export default defineRole<{ a: string; b: string }>({
  id: 'one', /* tools: [] */ 'quoted-key': { deep: [1, { name: "it's" }] },
  tools: ['a', { name: 'b', allowedCommands: ['npm test', ["sh", "-c", 'x, y']] }, 'c'],
  systemPrompt: \`Use {{ name }}
and {{other}}\`,
  *steps({ band }) { yield* band.tool('d', { id: 'inner', tools: [] }) },
  async generator(x): Promise<{ id: string }> { return { id: 'no' } },
  get late() { return 1 },
})
`
    expect(found(source, { path: ['id'] })).toMatch(/^'one'/)
    expect(found(source, { path: ['id'], key: true })).toMatch(/^id: 'one'/)
    expect(found(source, { path: ['quoted-key'], key: true })).toMatch(/^'quoted-key'/)
    expect(found(source, { path: ['quoted-key', 'deep', 1, 'name'] })).toMatch(/^"it's"/)
    expect(found(source, { path: ['tools', 1, 'allowedCommands', 1, 2] })).toMatch(/^'x, y'/)
    expect(found(source, { path: ['tools', 2] })).toMatch(/^'c'/)
    expect(found(source, { path: ['systemPrompt'], text: '{{other}}' })).toMatch(/^{{other}}/)
    expect(found(source, { path: ['steps'], text: 'd' })).toMatch(/^'d'/)
    expect(found(source, { path: ['steps'], key: true })).toMatch(/^steps/)
    expect(found(source, { path: ['generator'], key: true })).toMatch(/^generator/)
    expect(found(source, { path: ['late'], key: true })).toMatch(/^late/)
  })

  test('it follows constants, spreads, parentheses and calls as far as they stand in the file', () => {
    const source = `import { coder } from 'codeband/roles'
const tools = ['x', 'y']
const base = { systemPrompt: 'Be.', limits: { depth: 'z' } }
const role: Role = (defineRole({ ...coder, ...base, tools, userPrompt: 'u' }))
export { role as default }
`
    expect(found(source, { path: ['tools', 1] })).toMatch(/^'y'/)
    expect(found(source, { path: ['limits', 'depth'] })).toMatch(/^'z'/)
    expect(found(source, { path: ['userPrompt'] })).toMatch(/^'u'/)
  })

  test('what is not in the file is the nearest thing around it, and a string of it wherever it stands', () => {
    const source = `const list = ['read_file']\nexport default make({ id: 'a' }, [...list])\n`
    expect(found(source, { path: ['tools', 0], text: 'read_file' })).toMatch(/^'read_file'/)
    expect(found(source, { path: ['nothing'] })).toMatch(/^make\(/)
    expect(locate('', { path: ['a'] })).toEqual({ line: 1, column: 1 })
    expect(locate('export default', { path: ['a'], text: 'x' })).toEqual({ line: 1, column: 1 })
    const spread = `export default { tools: [...more, 'b'] }`
    expect(found(spread, { path: ['tools', 1] })).toMatch(/^\[\.\.\.more/)
    expect(found(spread, { path: ['tools', 5], text: 'b' })).toMatch(/^'b'/)
  })

  test('lines end as editors say, and a byte order mark is no column', () => {
    expect(locate("\ufeffexport default { id: 'a' }", { path: ['id'] })).toEqual({ line: 1, column: 22 })
    expect(locate("export default {\r\n  id: 'a',\r\n}", { path: ['id'], key: true })).toEqual({ line: 2, column: 3 })
  })

  test('a constant that is itself, or two that are each other, end nowhere', () => {
    for (const source of ['const a = a\nexport default a', 'const a = b\nconst b = a\nexport default a']) {
      expect(locate(source, { path: ['id'] })).toEqual({ line: expect.any(Number), column: expect.any(Number) })
    }
  })

  test('no text is too strange: tokens are in order and inside it, and a place is a place', () => {
    const piece = fc.constantFrom(
      ...['`', '${', '}', '{', '[', ']', '(', ')', "'", '"', '\\', '/', '/*', '*/', '//', '\n', ',', ':', '...'],
      ...['export default ', 'id', 'a', '=>', '<', '>', '=', 'const a', ';', '\u2028', '\ud800', '😀', ' ', '#!', '\0'],
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.boolean(), (pieces, key) => {
        const source = pieces.join('')
        let last = 0
        for (const { start, end } of tokensOf(source)) {
          expect(start).toBeGreaterThanOrEqual(last)
          expect(end).toBeGreaterThan(start)
          last = end
        }
        expect(last).toBeLessThanOrEqual(source.length)
        const { line, column } = locate(source, { path: ['id', 0, 'a'], key, text: 'a' })
        expect(line).toBeGreaterThan(0)
        expect(column).toBeGreaterThan(0)
        expect(line).toBeLessThanOrEqual(source.split('\n').length)
      }),
      { numRuns: 2000 },
    )
  })

  test('a file of a megabyte takes no longer than a moment, nested however it is', () => {
    for (const source of [
      '`${'.repeat(300_000),
      '('.repeat(1_000_000),
      '/'.repeat(1_000_000),
      `export default {${"a: '1',".repeat(100_000)}}`,
    ]) {
      const before = performance.now()
      locate(source, { path: ['a', 'b'], text: 'nowhere' })
      expect(performance.now() - before).toBeLessThan(3000)
    }
  })
})
