import { Worker } from 'node:worker_threads'
import type { Hit } from './search-codebase.ts'

/** Kept as text: a worker file would need another path in every form this package is run in. */
const program = `
const { parentPort, workerData } = require('node:worker_threads')
const regex = new RegExp(workerData.pattern, workerData.flags)
parentPort.on('message', ({ texts, limit }) => {
  const hits = []
  for (const { path, text } of texts) {
    const lines = text.split('\\n')
    for (let at = 0; at < lines.length && hits.length < limit; at++) {
      const line = lines[at].replace(/\\r$/, '').slice(0, workerData.longest)
      if (regex.test(line)) hits.push({ path, line: at + 1, text: line.slice(0, 400) })
    }
  }
  parentPort.postMessage(hits)
})
`

export interface RegexSearch {
  /** At most `limit` + 1 hits; 'timeout' when matching took longer than the time limit in all. */
  run(
    texts: AsyncIterable<{ path: string; text: string }>,
    limit: number,
    signal: AbortSignal,
  ): Promise<Hit[] | 'timeout'>
  close(): void
}

/** Characters of a line that are matched: on a minified bundle, which is one line of megabytes, a plain pattern would take for ever. */
export const longestLine = 4000

const batchSize = 4 * 1024 * 1024

/** Matches in a thread of its own: a pattern that explodes holds up nothing and is ended after `ms`. */
export function openRegexSearch(pattern: string, ignoreCase: boolean, ms: number): RegexSearch | { problem: string } {
  const flags = ignoreCase ? 'i' : ''
  try {
    new RegExp(pattern, flags)
  } catch (error) {
    return { problem: (error as Error).message }
  }
  const worker = new Worker(program, {
    eval: true,
    workerData: { pattern, flags, longest: longestLine },
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 },
  })
  let left = ms

  async function match(texts: readonly { path: string; text: string }[], limit: number, signal: AbortSignal) {
    const started = performance.now()
    const answer = await new Promise<Hit[] | 'timeout'>((resolve, reject) => {
      const end = (result: Hit[] | 'timeout') => {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        worker.off('message', end).off('error', reject)
        resolve(result)
      }
      const stop = () => end('timeout')
      const timer = setTimeout(stop, left)
      signal.addEventListener('abort', stop)
      worker.on('message', end).on('error', reject)
      worker.postMessage({ texts, limit })
    })
    left -= performance.now() - started
    return answer
  }

  return {
    async run(texts, limit, signal) {
      const hits: Hit[] = []
      let batch: { path: string; text: string }[] = []
      let size = 0
      const flush = async () => {
        const found = await match(batch, limit + 1 - hits.length, signal)
        if (found === 'timeout') return false
        hits.push(...found)
        batch = []
        size = 0
        return true
      }
      for await (const text of texts) {
        batch.push(text)
        size += text.text.length
        if (size >= batchSize && !(await flush())) return 'timeout'
        if (hits.length > limit) return hits
      }
      return batch.length === 0 || (await flush()) ? hits : 'timeout'
    },
    close: () => void worker.terminate(),
  }
}
