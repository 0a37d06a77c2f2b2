import type { Usage } from '../../../core/ports/framework.ts'

/** What the model behind a client does, said in no vendor's words. Keys are texts that the latest prompt contains; each value is one
 *  response after the other, the next one asked for when the calls of the one before have returned; the last one repeats. All of it
 *  can be told from a request alone, so one script serves several sessions at once and a resumed one. */
export type ModelScript = Readonly<Record<string, readonly ModelResponse[]>>
export type ModelResponse = readonly ModelStep[]

export type ModelStep =
  | { say: string }
  | { think: string }
  /** A call of a tool by the name the session was given. */
  | { call: string; input: unknown }
  /** A call by exactly this name, whether or not the client or the session has such a tool. */
  | { native: string; input: unknown }
  /** What the response counts; without it the driver says 100 in, 10 out. */
  | { usage: Usage }
  /** The API answers with this HTTP status. */
  | { status: number }
  /** Nothing more comes. */
  | { silence: true }

const found = (prompt: string, script: ModelScript) =>
  Object.entries(script).find(([text]) => prompt.includes(text))?.[1]

/** The response that a script has for the latest prompt after so many responses, or after so many results of calls. */
export function responseTo(
  script: ModelScript,
  { prompt, responses, results }: { prompt: string; responses?: number; results?: number },
): ModelResponse {
  const list = found(prompt, script) ?? [[{ say: 'nothing scripted' }]]
  return list[Math.min(responses ?? afterResults(list, results ?? 0), list.length - 1)]!
}

function afterResults(list: readonly ModelResponse[], results: number): number {
  let calls = 0
  for (const [index, response] of list.entries()) {
    if (calls >= results) return index
    calls += response.filter((step) => 'call' in step || 'native' in step).length
  }
  return list.length
}
