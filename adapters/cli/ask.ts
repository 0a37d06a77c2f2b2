import { createInterface } from 'node:readline'
import { harmless } from './screen.ts'

/** One terminal holds one question at a time. */
let before: Promise<unknown> = Promise.resolve()

/** Asks on the terminal; '' when the person just presses return, undefined at Ctrl-C, at the end of the input and when `signal` aborts. */
export function askLine(question: string, signal?: AbortSignal): Promise<string | undefined> {
  const answer = before.then(() => ask(question, signal))
  before = answer
  return answer
}

function ask(question: string, signal?: AbortSignal): Promise<string | undefined> {
  if (signal?.aborted) return Promise.resolve(undefined)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const close = (): void => lines.close()
  signal?.addEventListener('abort', close)
  return new Promise<string | undefined>((resolve) => {
    // While it reads, the terminal sends a key and no signal: whoever waits for one shall get it.
    lines.once('SIGINT', () => {
      close()
      process.kill(process.pid, 'SIGINT')
    })
    let answer: string | undefined
    lines.once('close', () => {
      signal?.removeEventListener('abort', close)
      if (answer === undefined) process.stderr.write('\n')
      resolve(answer)
    })
    lines.question(`${harmless(question)} `, (line) => {
      answer = line.trim()
      close()
    })
  })
}

export async function askPerson(_person: string, question: string): Promise<string | undefined> {
  return askLine(question)
}
