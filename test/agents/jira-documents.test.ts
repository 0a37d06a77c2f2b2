import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AdfNode, documentOf, textOf } from '../../.agents/jira/adf.ts'

const text = (value: string, ...marks: NonNullable<AdfNode['marks']>): AdfNode => ({
  type: 'text',
  text: value,
  ...(marks.length > 0 && { marks }),
})
const node = (type: string, content: readonly AdfNode[], attrs?: Record<string, unknown>): AdfNode => ({
  type,
  content,
  ...(attrs && { attrs }),
})
const paragraph = (...content: AdfNode[]): AdfNode => node('paragraph', content)
const item = (...content: AdfNode[]): AdfNode => node('listItem', content)
const doc = (...content: AdfNode[]): AdfNode => node('doc', content)

const shapes: [name: string, document: AdfNode, text: string][] = [
  [
    'paragraphs and breaks',
    doc(paragraph(text('a'), { type: 'hardBreak' }, text('b')), paragraph(text('c'))),
    'a\nb\n\nc',
  ],
  ['a heading', doc(node('heading', [text('How')], { level: 2 })), '## How'],
  [
    'lists in lists',
    doc(
      node('bulletList', [
        item(
          paragraph(text('one')),
          node('orderedList', [item(paragraph(text('first'))), item(paragraph(text('second')))]),
        ),
        item(paragraph(text('two'))),
      ]),
    ),
    '- one\n  1. first\n  2. second\n- two',
  ],
  ['code', doc(node('codeBlock', [text('a\n  b')], { language: 'ts' })), '```ts\na\n  b\n```'],
  ['a quote', doc(node('blockquote', [paragraph(text('a')), paragraph(text('b'))])), '> a\n>\n> b'],
  [
    'links, code and other marks',
    doc(
      paragraph(
        text('see', { type: 'link', attrs: { href: 'https://a.test/' } }),
        text(' '),
        text('https://b.test/', { type: 'link', attrs: { href: 'https://b.test/' } }),
        text(' x()', { type: 'code' }),
        text('!', { type: 'strong' }),
      ),
    ),
    '[see](https://a.test/) https://b.test/` x()`!',
  ],
  [
    'people, feelings, days and states',
    doc(
      paragraph(
        { type: 'mention', attrs: { id: '5b10', text: '@Ada' } },
        text(' '),
        { type: 'emoji', attrs: { shortName: ':smile:' } },
        text(' '),
        { type: 'date', attrs: { timestamp: '1767225600000' } },
        text(' '),
        { type: 'status', attrs: { text: 'READY' } },
        text(' '),
        { type: 'inlineCard', attrs: { url: 'https://c.test/' } },
      ),
    ),
    '@Ada :smile: 2026-01-01 [READY] https://c.test/',
  ],
  [
    'tasks',
    doc(
      node('taskList', [
        node('taskItem', [text('done')], { state: 'DONE' }),
        node('taskItem', [text('open')], { state: 'TODO' }),
        node('taskList', [node('taskItem', [text('below')], { state: 'TODO' })]),
      ]),
    ),
    '- [x] done\n- [ ] open\n  - [ ] below',
  ],
  [
    'a table',
    doc(
      node('table', [
        node('tableRow', [node('tableHeader', [paragraph(text('a'))]), node('tableHeader', [paragraph(text('b'))])]),
        node('tableRow', [node('tableCell', [paragraph(text('1'))]), node('tableCell', [paragraph(text('2'))])]),
      ]),
    ),
    'a | b\n1 | 2',
  ],
  [
    'what an attachment is called',
    doc(node('mediaSingle', [{ type: 'media', attrs: { id: '4', alt: 'screen.png' } }])),
    '[attachment screen.png]',
  ],
  [
    'a panel, and what nobody knows yet',
    doc(node('panel', [paragraph(text('a'))]), node('novelty', [paragraph(text('b'))])),
    'a\n\nb',
  ],
  ['nothing', doc(), ''],
]
for (const [name, document, wanted] of shapes) {
  test(`a document becomes text: ${name}`, () => expect(textOf(document)).toBe(wanted))
}

test('an issue without a description has no text', () => {
  expect([textOf(null), textOf(undefined)]).toEqual(['', ''])
})

test('text becomes a document with lists, code and links', () => {
  const link = 'https://a.test/x?y=1'
  expect(documentOf(`Landed as abc.\nSee ${link}.\n\n- one\n- two\n\n\`\`\`sh\nls -l\n\n- x\n\`\`\``)).toEqual({
    type: 'doc',
    version: 1,
    content: [
      paragraph(
        text('Landed as abc.'),
        { type: 'hardBreak' },
        text('See '),
        text(link, { type: 'link', attrs: { href: link } }),
        text('.'),
      ),
      node('bulletList', [item(paragraph(text('one'))), item(paragraph(text('two')))]),
      node('codeBlock', [text('ls -l\n\n- x')], { language: 'sh' }),
    ],
  })
})

test('any text comes back from its document, but for blank lines; and no text in it is empty, which Jira would refuse', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme' }).map((one) => one.replace(/[\r\n]/g, '')),
    fc.constantFrom('- item', '', '```', '```ts', 'see https://a.test/b.', '- ', 'https://'),
  )
  const squeezed = (given: string): string =>
    given
      .split('\n')
      .map((one) => one.trimEnd())
      .filter((one) => one.trim() !== '')
      .join('\n')
  const texts = (one: AdfNode): string[] => [
    ...(one.text === undefined ? [] : [one.text]),
    ...(one.content ?? []).flatMap(texts),
  ]
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const document = documentOf(lines.join('\n'))
      expect(squeezed(textOf(document)).trim()).toBe(squeezed(lines.join('\n')).trim())
      expect(texts(document)).not.toContain('')
    }),
    { numRuns: 500 },
  )
})
