import type { Script, ScriptStep } from './script.ts'

/** `code-reviewer` of `code-reviewer-codex-0`. The framework's name in the configuration is usually its id; another one may hold no dash. */
export function roleOf(worker: string, framework: string): string {
  const index = worker.match(/-\d+$/)?.[0] ?? ''
  const own = `-${framework}${index}`
  return index && worker.endsWith(own) ? worker.slice(0, -own.length) : worker.replace(/-[^-]+-\d+$/, '')
}

/** Numbers of the script's turns that a session has played to their end, as its token has them: `scripted.0,3`. */
export const tokenOf = (played: readonly number[]): string => `scripted.${played.join(',')}`

/** A token of something else begins anew. */
export function playedIn(token: string | undefined): number[] {
  const list = /^scripted\.(\d+(?:,\d+)*)$/.exec(token ?? '')?.[1]
  return list === undefined ? [] : list.split(',').map(Number)
}

export interface Cue {
  role: string
  prompt: string
  played: readonly number[]
}

/** The first turn of the role that the session has not played and that fits, with its number; or why there is none. */
export function chooseTurn(
  { turns }: Script,
  { role, prompt, played }: Cue,
): { turn: number; steps: readonly ScriptStep[] } | { problem: string } {
  const round = played.length + 1
  const turn = turns.findIndex(
    (one, number) =>
      one.role === role &&
      !played.includes(number) &&
      (one.when === undefined || prompt.includes(one.when)) &&
      (one.round === undefined || one.round === round),
  )
  if (turn >= 0) return { turn, steps: turns[turn]!.steps }
  const has = turns.map((one, number) => {
    const when = one.when === undefined ? '' : ` when '${one.when}'`
    const only = one.round === undefined ? '' : ` in round ${one.round}`
    return `${number}: ${one.role}${when}${only}${played.includes(number) ? ' (played)' : ''}`
  })
  return {
    problem: `the script has no turn for role '${role}', round ${round} of its session, that fits the prompt. It has ${has.join('; ') || 'none'}. The prompt begins: ${prompt.slice(0, 200)}`,
  }
}
