import { isDeepStrictEqual } from 'node:util'
import { firstDifference, unknownOutcomes } from './same-run.ts'
import { type Remains, remainsOf } from './world.ts'

/** What is wrong with a place where a band was killed and went on. */
export interface Fault {
  /** 'lost': of the work; 'twice': an effect; 'left': something lies about that a run nothing happened to does not leave. */
  kind: 'lost' | 'twice' | 'left'
  what: string
  detail?: unknown
}

/** Compares with a place where nothing happened. */
export async function faultsOf(place: string, whole: Remains): Promise<Fault[]> {
  const found = await remainsOf(place)
  return [...inWork(found, whole), ...inTurns(found), ...inLetters(found, whole), ...inPlace(found, whole)]
}

function inWork(found: Remains, whole: Remains): Fault[] {
  const faults: Fault[] = []
  if (!isDeepStrictEqual(found.trees, whole.trees))
    faults.push({ kind: 'lost', what: 'another tree landed', detail: found.trees })
  const difference = firstDifference(found.events, whole.events)
  if (difference) faults.push({ kind: 'lost', what: 'the runs differ', detail: difference })
  const landings = found.events.filter(({ type }) => type === 'Landed').length
  if (landings !== 1 || found.moves !== 1)
    faults.push({ kind: landings < 1 ? 'lost' : 'twice', what: `${landings} landings, ${found.moves} moves` })
  return faults
}

function inTurns({ events }: Remains): Fault[] {
  const started = events.flatMap((event) => (event.type === 'TurnStarted' ? [event] : []))
  const ended = new Map(events.flatMap((event) => (event.type === 'TurnEnded' ? [[event.turn, event]] : [])))
  return started.flatMap(({ turn, place, seq }): Fault[] => {
    const end = ended.get(turn)
    if (end === undefined) return [{ kind: 'left', what: `'${turn}' never ended` }]
    const again = started.some((other) => other.place === place && other.seq > seq)
    if (end.outcome === 'done') return again ? [{ kind: 'twice', what: `'${turn}' was done, and played again` }] : []
    return again ? [] : [{ kind: 'lost', what: `'${turn}' was not played again` }]
  })
}

/** What may never be repeated was done at most once, and is missing only where the log says that nobody knows; what may be repeated was
 *  done under the same keys, by which its service knows it again. */
function inLetters(found: Remains, whole: Remains): Fault[] {
  const keys = ({ attempts }: Remains, tool: string) => attempts.flatMap((one) => (one.tool === tool ? [one.key] : []))
  const [sent, wanted] = [keys(found, 'send_letter'), keys(whole, 'send_letter')]
  const [stamped, toStamp] = [keys(found, 'stamp_letter'), keys(whole, 'stamp_letter')]
  const faults: Fault[] = []
  if (new Set(sent).size < sent.length || sent.some((key) => !wanted.includes(key)))
    faults.push({ kind: 'twice', what: 'a letter was sent twice' })
  if (sent.length + unknownOutcomes(found.events) < wanted.length)
    faults.push({ kind: 'lost', what: 'a letter was not sent, and the log does not say so' })
  if (stamped.some((key) => !toStamp.includes(key)))
    faults.push({ kind: 'twice', what: 'a letter was stamped under another key' })
  if (toStamp.some((key) => !stamped.includes(key))) faults.push({ kind: 'lost', what: 'a letter was not stamped' })
  return faults
}

function inPlace(found: Remains, whole: Remains): Fault[] {
  const same = ({ status, fsck, locks, home, passing }: Remains) => ({ status, fsck, locks, home, passing })
  const left: Fault[] = isDeepStrictEqual(same(found), same(whole))
    ? []
    : [{ kind: 'left', what: 'the place is not as it was', detail: same(found) }]
  const { folders, registered, prunable } = found.worktrees
  const workers = new Set(found.events.flatMap((event) => (event.type === 'TurnStarted' ? [event.worker] : [])))
  const fits =
    isDeepStrictEqual(folders, registered) && prunable === '' && [...workers].every((one) => folders.includes(one))
  return fits
    ? left
    : [...left, { kind: 'left', what: 'the worktrees are not those of the log', detail: found.worktrees }]
}
