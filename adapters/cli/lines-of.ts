import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** The lines of a stream, ended by a line feed alone: JSON may hold every other separator. 'too long' stands for a line of more than
 *  `limit` characters. */
export async function* linesOf(stream: Readable, limit: number): AsyncGenerator<string | { tooLong: true }> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let skipping = false
  for await (const chunk of stream) {
    const parts = (rest + decoder.write(chunk as Buffer)).split('\n')
    rest = parts.pop()!
    for (const line of parts) {
      yield skipping || line.length > limit ? { tooLong: true } : line
      skipping = false
    }
    if (rest.length > limit) {
      rest = ''
      skipping = true
    }
  }
  rest += decoder.end()
  if (skipping) yield { tooLong: true }
  else if (rest !== '') yield rest
}
