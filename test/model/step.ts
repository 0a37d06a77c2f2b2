import { type Command, isPersons, isRejection } from '../../core/protocol/commands.ts'
import { decide } from '../../core/protocol/decide.ts'
import type { Event } from '../../core/protocol/events.ts'
import { evolve } from '../../core/protocol/evolve.ts'
import type { State } from '../../core/protocol/state.ts'
import { get } from '../../core/protocol/table.ts'
import { read } from './read.ts'
import { Broken, hold, runningOf, type Story } from './story.ts'
import type { Git, Move, World } from './world.ts'

/** What the moves of a search came to, by name: a search that never saw something proves nothing about it. */
export type Tally = Map<string, number>

/** The world after a move; undefined where nothing follows. Broken where a rule does not hold. */
export function step(world: World, move: Move, tally?: Tally): World | undefined {
  if ('push' in move) {
    const { holds } = world.git
    return { ...world, git: { tip: move.push, holds: [...holds, move.push] } }
  }
  if ('swap' in move) return swap(world, move)
  const { command } = move
  const events = answerOf(command, world, tally)
  if (events.length === 0) return undefined
  let { state, story } = world
  for (const event of events) {
    count(tally, event.type)
    state = evolved(state, event)
    story = read(story, event)
  }
  agree(state, story)
  answered(command, events, world, state, tally)
  return { state, story, git: world.git }
}

function evolved(state: State, event: Event): State {
  try {
    return evolve(state, event)
  } catch (error) {
    throw new Broken('I-01', `evolve threw at ${event.type}: ${error}`)
  }
}

function answerOf(command: Command, { state }: World, tally?: Tally): readonly Event[] {
  const answer = decided(command, state)
  const { id } = command
  const told = id !== undefined && get(state.answers, id) !== undefined
  hold(
    'I-23',
    !told || (!isRejection(answer) && answer.length === 0),
    () => `${command.type} with the id '${id}' has a second answer`,
  )
  if (!isRejection(answer)) return frozen(answer)
  count(tally, `no: ${answer.code}`)
  return []
}

function decided(command: Command, state: State): ReturnType<typeof decide> {
  try {
    return decide(command, state)
  } catch (error) {
    throw new Broken('I-01', `decide threw at ${command.type}: ${error}`)
  }
}

/** The branch moves only to what the log says is about to land. */
function swap(world: World, { swap: id, task }: Extract<Move, { swap: string }>): World {
  const story = world.story.tasks[task]
  const one = story?.candidates[id]
  hold(
    'I-20',
    story?.landing === id && one !== undefined,
    () => `the branch moves to '${id}' and no intent is in the log`,
  )
  const git: Git = { tip: one.commit, holds: [...world.git.holds, one.commit] }
  return { ...world, git }
}

const personsEvents = new Set<Event['type']>([
  'TaskSubmitted',
  'CancelRequested',
  'TaskEnded',
  'MessageSent',
  'ApprovalGiven',
  'ApprovalRefused',
])

/** Who may be answered with what; and that an answer is given once. */
function answered(
  command: Command,
  events: readonly Event[],
  before: World,
  after: State,
  tally: Tally | undefined,
): void {
  const { id, type } = command
  if (isPersons(type)) {
    for (const event of events) {
      const own = personsEvents.has(event.type) && (event.type !== 'TaskEnded' || event.outcome === 'cancelled')
      hold('I-30', own, () => `${event.type} follows from a person's ${type}`)
    }
    if (id === undefined) return
    for (const { cause } of events) hold('I-23', cause === id, () => `what follows from '${id}' does not name it`)
    const again = decided(command, after)
    hold(
      'I-23',
      !isRejection(again) && again.length === 0,
      () => `${type} with the same id changes something once more`,
    )
    return
  }
  const other = decided({ ...command, who: { kind: 'person', name: 'ada' } } as Command, before.state)
  hold('I-30', isRejection(other) && other.code === 'authz', () => `a person asks for ${type} and gets it`)
  if (command.type === 'TakeLead') {
    const turns = Object.values(readEnd(before.story, events).tasks).flatMap((task) => runningOf(task))
    hold('I-21', turns.length === 0, () => 'a turn of a process that is gone still runs')
    return
  }
  const late = decided({ ...command, who: { kind: 'leader', epoch: before.state.epoch - 1 } } as Command, before.state)
  hold(
    'I-06',
    isRejection(late) && late.code === 'not-leader',
    () => `a leader of an older epoch asks for ${type} and gets it`,
  )
  count(tally, 'no: not-leader')
  if (command.type === 'AssessRisk') {
    const said = events.find((event) => event.type === 'RiskAssessed')
    hold(
      'I-14',
      command.floor !== 'high' || said?.risk === 'high' || said?.risk === 'critical',
      () => `core says ${command.floor}, and the risk is ${said?.risk}`,
    )
  }
}

const readEnd = (story: Story, events: readonly Event[]): Story => events.reduce(read, story)

/** The fold and the story tell the same. */
function agree(state: State, story: Story): void {
  hold('I-01', state.epoch === story.epoch, () => `the state is in epoch ${state.epoch}, the log in ${story.epoch}`)
  for (const [id, told] of Object.entries(story.tasks)) {
    const task = get(state.tasks, id)
    hold('I-01', task?.status === told.stage, () => `'${id}' is ${task?.status}, and the log says ${told.stage}`)
    hold('I-01', (task.cancel !== undefined) === told.cancelled, () => `whether '${id}' was cancelled is forgotten`)
    const running = runningOf(told)
    hold(
      'I-01',
      running.length === task.running.length,
      () => `${task.running.length} turns run, and the log says ${running.length}`,
    )
    for (const [turn, { worker }] of running)
      hold('I-10', state.busy[worker] === turn, () => `'${worker}' plays '${turn}' and is held to be free`)
    for (const [name, product] of Object.entries(told.products)) {
      const one = task.subjects[name]
      hold(
        'I-13',
        one?.rounds === product.rounds,
        () => `'${name}' has ${one?.rounds} rounds, and the log says ${product.rounds}`,
      )
      hold('I-08', one.on === product.on, () => `'${name}' is at ${one.on}, and the log says ${product.on}`)
      const missing = product.authors.find((family) => !one.families.includes(family))
      hold('I-09', missing === undefined, () => `that '${missing}' wrote '${name}' is forgotten`)
    }
    const landing = Object.values(task.candidates).find(({ status }) => status === 'landing')?.id
    hold('I-22', landing === told.landing, () => `'${landing}' is landing, and the log says '${told.landing}'`)
  }
}

function count(tally: Tally | undefined, name: string): void {
  tally?.set(name, (tally.get(name) ?? 0) + 1)
}

/** Deep, and cheap where a part was frozen before: what decide or evolve changes in its input then throws. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const key in value) frozen(value[key])
  return value
}
