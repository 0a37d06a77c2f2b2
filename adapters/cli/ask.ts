import { createInterface } from 'node:readline/promises'
import { harmless } from './screen.ts'

/** Asks on the terminal; '' when the person just presses return. */
export async function askLine(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await lines.question(`${harmless(question)} `)).trim()
  } finally {
    lines.close()
  }
}

export async function askPerson(_person: string, question: string): Promise<string | undefined> {
  return askLine(question)
}
