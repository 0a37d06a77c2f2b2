/** A node of the Atlassian Document Format: what descriptions and comments of Jira Cloud are written in.
 *  https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/ */
export interface AdfNode {
  readonly type: string
  readonly text?: string
  readonly attrs?: Readonly<Record<string, unknown>>
  readonly marks?: readonly { readonly type: string; readonly attrs?: Readonly<Record<string, unknown>> }[]
  readonly content?: readonly AdfNode[]
}

/** Plain text (a small part of Markdown for what has structure). Of a node that is not known, what stands in it. */
export function textOf(document: AdfNode | null | undefined): string {
  return document ? blocks(document.content).trim() : ''
}

const blocks = (nodes: readonly AdfNode[] = []): string =>
  nodes
    .map(block)
    .filter((one) => one !== '')
    .join('\n\n')

function block(node: AdfNode): string {
  const { type, content = [], attrs = {} } = node
  switch (type) {
    case 'paragraph':
    case 'caption':
      return inlines(content)
    case 'heading':
      return `${'#'.repeat(Number(attrs.level) || 1)} ${inlines(content)}`
    case 'codeBlock':
      return `\`\`\`${word(attrs.language)}\n${inlines(content)}\n\`\`\``
    case 'blockquote':
      return prefixed('> ', '> ', blocks(content))
    case 'bulletList':
      return content.map((item) => prefixed('- ', '  ', itemText(item))).join('\n')
    case 'orderedList':
      return content
        .map((item, index) => {
          const mark = `${(Number(attrs.order) || 1) + index}. `
          return prefixed(mark, ' '.repeat(mark.length), itemText(item))
        })
        .join('\n')
    case 'taskList':
    case 'decisionList':
      return content.map(checked).join('\n')
    case 'rule':
      return '---'
    case 'table':
      return content.map(({ content: cells = [] }) => cells.map((cell) => blocks(cell.content)).join(' | ')).join('\n')
    case 'media':
      return `[attachment ${word(attrs.alt) || word(attrs.id)}]`
    case 'blockCard':
    case 'embedCard':
      return word(attrs.url)
    default:
      return isInline(node) ? inline(node) : content.every(isInline) ? inlines(content) : blocks(content)
  }
}

/** Text of a list's item: a list in it follows its paragraph at once. */
const itemText = ({ content = [] }: AdfNode): string => content.map(block).join('\n')

function checked(item: AdfNode): string {
  if (item.type === 'taskList') return prefixed('  ', '  ', block(item))
  const mark = item.type === 'taskItem' ? (item.attrs?.state === 'DONE' ? '- [x] ' : '- [ ] ') : '- '
  return prefixed(mark, '  ', inlines(item.content))
}

function inline(node: AdfNode): string {
  const { type, text = '', attrs = {}, content } = node
  switch (type) {
    case 'text':
      return marked(text, node)
    case 'hardBreak':
      return '\n'
    case 'mention':
      return `@${word(attrs.text).replace(/^@/, '') || word(attrs.id)}`
    case 'emoji':
      return word(attrs.text) || word(attrs.shortName)
    case 'inlineCard':
      return word(attrs.url)
    case 'date':
      return day(attrs.timestamp)
    case 'status':
      return `[${word(attrs.text)}]`
    default:
      return text + inlines(content)
  }
}

const inlines = (nodes: readonly AdfNode[] = []): string => nodes.map(inline).join('')
const inlineTypes = new Set(['text', 'hardBreak', 'mention', 'emoji', 'inlineCard', 'date', 'status'])
const isInline = ({ type }: AdfNode): boolean => inlineTypes.has(type)
const word = (value: unknown): string => (typeof value === 'string' ? value : '')

function marked(text: string, { marks = [] }: AdfNode): string {
  const url = word(marks.find(({ type }) => type === 'link')?.attrs?.href)
  const shown = marks.some(({ type }) => type === 'code') ? `\`${text}\`` : text
  return url === '' || url === text ? shown : `[${shown}](${url})`
}

/** Milliseconds since the epoch, as a string of digits. */
function day(timestamp: unknown): string {
  const date = new Date(Number(timestamp))
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10)
}

const prefixed = (first: string, rest: string, text: string): string =>
  text
    .split('\n')
    .map((line, index) => ((index === 0 ? first : rest) + line).trimEnd())
    .join('\n')

/** A document of plain text: paragraphs between blank lines, `- ` lists, fenced code; addresses become links. */
export function documentOf(text: string): AdfNode & { version: 1 } {
  const content: AdfNode[] = []
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  for (let at = 0; at < lines.length; ) {
    const fence = /^```(\w*)\s*$/.exec(lines[at]!)
    const close = fence ? lines.findIndex((line, index) => index > at && /^```\s*$/.test(line)) : -1
    if (fence && close > 0) {
      content.push(codeOf(fence[1]!, lines.slice(at + 1, close).join('\n')))
      at = close + 1
      continue
    }
    const kind = kindOf(lines[at]!)
    let end = at + 1
    while (end < lines.length && kindOf(lines[end]!) === kind && !/^```/.test(lines[end]!)) end++
    const part = lines.slice(at, end)
    if (kind === 'list') content.push({ type: 'bulletList', content: part.map((line) => itemOf(line.slice(2))) })
    else if (kind === 'text') content.push(paragraphOf(part))
    at = end
  }
  return { type: 'doc', version: 1, content }
}

const kindOf = (line: string): 'blank' | 'list' | 'text' =>
  line.trim() === '' ? 'blank' : /^- \S/.test(line) ? 'list' : 'text'

const itemOf = (text: string): AdfNode => ({ type: 'listItem', content: [paragraphOf([text])] })

function codeOf(language: string, text: string): AdfNode {
  const attrs = language === '' ? {} : { attrs: { language } }
  // Jira refuses a text without a character.
  return { type: 'codeBlock', ...attrs, ...(text !== '' && { content: [{ type: 'text', text }] }) }
}

const paragraphOf = (lines: readonly string[]): AdfNode => ({
  type: 'paragraph',
  content: lines.flatMap((line, index) => [...(index > 0 ? [{ type: 'hardBreak' }] : []), ...linked(line)]),
})

const linked = (line: string): AdfNode[] =>
  line
    .split(/(https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?])/)
    .map(
      (text, index): AdfNode =>
        index % 2 === 1
          ? { type: 'text', text, marks: [{ type: 'link', attrs: { href: text } }] }
          : { type: 'text', text },
    )
    .filter(({ text }) => text !== '')
