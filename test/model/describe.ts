import type { Found } from './explore.ts'
import type { Move } from './world.ts'

/** What a search found, and where a rule is broken, the shortest way there. */
export function linesOf({ scope, states, transitions, depth, whole, seconds, broken }: Found): string[] {
  const figures = `${states} states, ${transitions} transitions, depth ${depth}, ${whole ? 'whole' : 'cut off'}`
  const line = `${scope}: ${figures}, ${seconds.toFixed(1)} s, ${Math.round(states / seconds)} states/s`
  return broken ? [line, broken.what, ...broken.trace.map((one, at) => `  ${at + 1}. ${one}`)] : [line]
}

const unsaid = new Set(['at', 'who', 'type', 'policy', 'systemPrompt', 'prompt', 'framework', 'message', 'input', 'id'])

/** A move in words. */
export function describe(move: Move): string {
  if ('push' in move) return `somebody pushes ${move.push}`
  if ('swap' in move) return `the branch moves to ${move.swap} of ${move.task}`
  const { command } = move
  const { who } = command
  const said = Object.entries(command).filter(([key, value]) => !unsaid.has(key) && value !== '' && value !== undefined)
  const words = said.map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${who.kind === 'leader' ? `leader ${who.epoch}` : who.name}: ${command.type} ${words.join(', ')}`
}
