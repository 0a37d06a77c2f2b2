import { randomUUID } from 'node:crypto'
import pc from 'picocolors'
import type { Recorded } from '../../core/protocol/events.ts'
import { escaped, visible } from '../../core/role/visible.ts'
import { openTrace, type TraceLine } from './trace.ts'

/** Where a command writes: results on stdout, everything else on stderr. */
export interface Screen {
  /** One JSON object or line for programs instead of text for people. */
  readonly json: boolean
  /** True: a person sits there and may be asked. */
  readonly terminal: boolean
  /** Whatever text is in it cannot move the cursor. */
  line(text?: string): void
  /** The same on a terminal; as it is where a program reads it. */
  exact(text: string): void
  note(text: string): void
  object(value: unknown): void
  event(event: Recorded): void
  error(code: string, message: string): void
  /** Colours for what goes to `line`, `note` and `error`. */
  readonly paint: Paint
}

export function openScreen({
  json = false,
  env,
}: {
  json?: boolean
  env: Readonly<Record<string, string | undefined>>
}): Screen {
  const terminal = !json && process.stdin.isTTY === true && process.stdout.isTTY === true
  const colour = !json && !env.NO_COLOR && (process.stdout.isTTY === true || env.FORCE_COLOR !== undefined)
  const paint = marked(pc.createColors(colour))
  const trace = openTrace()
  const write = (text: string): void => void process.stdout.write(`${text}\n`)
  return {
    json,
    terminal,
    paint,
    line: (text = '') => {
      if (!json) write(harmless(text))
    },
    exact: (text) => {
      if (!json) write(process.stdout.isTTY === true ? visible(text) : text)
    },
    note: (text) => void process.stderr.write(`${harmless(text)}\n`),
    object: (value) => {
      if (json) write(JSON.stringify(value))
    },
    event(event) {
      if (json) return write(JSON.stringify(event))
      for (const line of trace(event)) write(harmless(showLine(line, paint, process.stdout.columns)))
    },
    error(code, message) {
      if (json) write(JSON.stringify({ error: { code, message } }))
      else process.stderr.write(`${harmless(`${paint.red(code)}  ${message}`)}\n`)
    },
  }
}

const column = 26

function showLine({ who, text, tone }: TraceLine, paint: Screen['paint'], columns: number | undefined): string {
  const name = `[${who}]`
  const gap = ' '.repeat(Math.max(1, column - name.length))
  const colour =
    who === 'boundary'
      ? paint.magenta
      : who === 'mergemaster'
        ? paint.yellow
        : who === 'task' || who === 'person'
          ? paint.bold
          : paint.cyan
  const shown = folded(printable(text), columns)
  const body =
    tone === 'good'
      ? paint.green(shown)
      : tone === 'bad'
        ? paint.red(shown)
        : tone === 'quiet'
          ? paint.dim(shown)
          : shown
  return `${colour(printable(name))}${gap}${body}`
}

/** On a terminal of that many columns, broken between words under the place where it begins. */
function folded(text: string, columns: number | undefined): string {
  const width = (columns ?? 0) - column
  if (width < 24) return text
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest].join(`\n${' '.repeat(column)}`)
}

/** Text of models and repositories must not move the cursor, rewrite the screen or hide from it; here it is one line. */
function printable(text: string): string {
  return visible(text).replace(/[\r\n\t]/g, escaped)
}

/** Stands in our own colours in the place of the escape character. No model knows it, so that no colour of a model is taken for ours. */
const mark = `<${randomUUID()}>`

type Colour = (text: string) => string
export type Paint = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'magenta' | 'cyan', Colour>>

function marked({ bold, dim, red, green, yellow, magenta, cyan }: ReturnType<typeof pc.createColors>): Paint {
  const of = (colour: Colour): Colour => {
    const [open = '', close = ''] = colour(' ').replaceAll('\u001b', mark).split(' ')
    return (text) => `${open}${text}${close}`
  }
  return {
    bold: of(bold),
    dim: of(dim),
    red: of(red),
    green: of(green),
    yellow: of(yellow),
    magenta: of(magenta),
    cyan: of(cyan),
  }
}

/** The same for text of several lines; of colours it keeps our own. */
export function harmless(text: string): string {
  return visible(text).replaceAll(mark, '\u001b')
}
