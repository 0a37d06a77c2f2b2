import type { Task, Turn } from '../../core/protocol/state.ts'
import { attemptsAt } from '../../core/protocol/state.ts'
import { get } from '../../core/protocol/table.ts'
import { runningOf, type TaskStory } from './story.ts'
import type { Scope, World } from './world.ts'

/** One text for all worlds with the same future: without numbers, times and words that nothing depends on, and with families, people
 *  and the two tasks called by the order in which they come. The story is part of it: where a state forgets what the log tells, two
 *  paths stay apart and each of them is followed. Only what says of itself that it is over is left out. */
export function keyOf(scope: Scope, world: World): string {
  const [first, second] = scope.tasks
  if (second === undefined) return keyInOrder(scope, world, [first!])
  const one = keyInOrder(scope, world, [first!, second])
  const other = keyInOrder(scope, world, [second, first!])
  return one < other ? one : other
}

function keyInOrder(scope: Scope, world: World, order: readonly string[]): string {
  const names = new Names(order)
  let key = `${names.plain(world.git.tip)}${scope.pushes > 0 ? `,${world.git.holds.filter((one) => one.startsWith('m')).length}` : ''}`
  for (const id of order) {
    const task = get(world.state.tasks, id)
    key += task ? `\n${taskKey(scope, task, world, names)}\n${storyKey(scope, world.story.tasks[id]!, names)}` : '\n-'
  }
  return `${key}\n${Object.keys(world.state.busy)
    .map((worker) => names.worker(worker))
    .sort()}`
}

/** Calls what is alike by the order of its coming. */
class Names {
  readonly #families = new Map<string, string>()
  readonly #people = new Map<string, string>()
  readonly #swap: boolean
  constructor(order: readonly string[]) {
    this.#swap = order[0] === 't2'
  }

  family(name: string): string {
    let label = this.#families.get(name)
    if (label === undefined) {
      label = String.fromCharCode(65 + this.#families.size)
      this.#families.set(name, label)
    }
    return label
  }

  worker(id: string): string {
    const at = id.indexOf('-')
    const end = id.lastIndexOf('-')
    return `${id[0]}${this.family(id.slice(at + 1, end))}${id.slice(end + 1)}`
  }

  person(name: string | undefined): string {
    if (name === undefined) return ''
    let label = this.#people.get(name)
    if (label === undefined) {
      label = String(this.#people.size)
      this.#people.set(name, label)
    }
    return label
  }

  /** A commit's name, which may hold those of tasks. */
  plain(name: string): string {
    if (!this.#swap || !name.includes('/')) return name
    return name.replace(/t([12])\//g, (_, digit) => (digit === '1' ? 't2/' : 't1/'))
  }
}

function taskKey(scope: Scope, task: Task, { git }: World, names: Names): string {
  if (task.status === 'ended') {
    const landing = Object.values(task.candidates).some(({ status }) => status === 'landing')
    return `ended${task.cancel ? '!' : ''}${task.running.length}${landing}`
  }
  let key = `${task.status}${task.cancel ? '!' : ''} ${names.plain(task.base ?? '')}`
  for (const id of scope.subjects) {
    const { assignments, subjects, latest } = task
    const maker = assignments[id]
    if (maker) key += `|${names.worker(maker.worker)}${names.family(maker.family)}${maker.start[0]}${+maker.fresh}`
    const one = subjects[id]
    if (one) {
      key += `|${one.status} ${one.on} ${names.plain(one.base ?? '')} ${one.families.map((family) => names.family(family))} ${names.worker(one.worker)}${one.rounds}`
      const { verdict } = one
      if (verdict)
        key += `/${verdict.on}${names.family(verdict.family)}${verdict.verdict.decision[0]}${verdict.verdict.risk}${verdict.sameFamily ? 's' : ''}`
    }
    const last = latest[id]
    if (last !== undefined) key += `|${lastKey(get(task.turns, last)!, maker?.epoch, names)}`
    key += `|${attemptsKey(task, `make ${id} ${one?.rounds ?? 0}`)}${one ? attemptsKey(task, `judge ${id} ${one.rounds}`) : ''}`
  }
  key += `|${task.running
    .map((id) => {
      const turn = get(task.turns, id)!
      return `${turn.place} ${names.worker(turn.worker)} ${turn.round} ${turn.retry} ${turn.budget} ${amounts(turn.reserved)}${lastKey(turn, turn.subject && task.assignments[turn.subject]?.epoch, names)}`
    })
    .sort()}`
  if (scope.may.has('land')) key += `|${landingKey(task, git, names)}`
  if (scope.may.has('effects')) {
    for (const place of ['p/0', 'p/1']) {
      const entry = get(task.journal, place)
      key += `|${entry ? `${entry.effect.hash}${entry.end?.ok}` : ''}`
    }
  }
  if (scope.may.has('budget'))
    for (const [place, { spent, reserved }] of Object.entries(task.budgets))
      key += `|${place} ${amounts(spent)} ${amounts(reserved)}`
  return key
}

function lastKey({ purpose, status, on, round, epoch, family }: Turn, now: unknown, names: Names): string {
  return status === 'running' || status === 'done'
    ? `${purpose} ${status} ${on ?? ''} ${round} ${purpose === 'produce' ? epoch === now : ''} ${names.family(family)}`
    : 'over'
}

function attemptsKey(task: Task, place: string): string {
  const { failed, outages, resumes } = attemptsAt(task, place)
  return `${failed},${resumes === task.resumes ? outages : 0};`
}

/** Only two kinds matter here, and a model with neither leaves them out. */
const amounts = ({ turns, tokens }: { turns?: number; tokens?: number }): string => `${turns ?? ''},${tokens ?? ''}`

function landingKey({ candidates, approvals }: Task, git: World['git'], names: Names): string {
  let key = `${Object.keys(candidates).length}`
  for (const one of Object.values(candidates)) {
    if (one.status === 'landed') continue
    const words = Object.values(approvals).filter(({ candidate }) => candidate === one.id)
    if (one.status === 'stale' && words.every(({ status }) => status === 'stale' || status === 'refused')) continue
    const changes = one.changes.map(({ subject, commit }) => subject + commit)
    key += `/${one.status} ${names.plain(one.base)} ${changes} ${one.checks && `${one.checks.passed}${one.checks.sandbox}`} ${one.risk} ${git.holds.includes(one.commit)}`
    for (const { status, by } of words) key += ` ${status}${names.person(status === 'given' ? by : undefined)}`
  }
  return key
}

function storyKey(scope: Scope, task: TaskStory, names: Names): string {
  if (task.stage === 'ended') return 'ended'
  let key = `${task.stage}${task.cancelled} ${task.landing === undefined ? '' : 'lands'}`
  for (const id of scope.subjects) {
    const maker = task.makers[id]
    const one = task.products[id]
    if (maker) key += `|${names.worker(maker.worker)}${+maker.anew}`
    if (one)
      key += `|${one.stage} ${one.on} ${names.plain(one.base)} ${one.authors.map((family) => names.family(family))} ${one.rounds} ${one.yes && `${one.yes.on}${names.family(one.yes.family)}${one.yes.risk}`}`
    const rounds = one?.rounds ?? 0
    for (const place of [`make ${id} ${rounds}`, `judge ${id} ${rounds}`])
      key += `|${task.failed[place] ?? 0},${task.outages[place] ?? 0}`
  }
  key += runningOf(task)
    .map(
      ([, turn]) =>
        `${turn.purpose}${turn.subject}${turn.on} ${names.worker(turn.worker)} ${turn.subject && task.makers[turn.subject]?.epoch === turn.epoch} ${amounts(turn.aside)}`,
    )
    .sort()
  for (const one of Object.values(task.candidates)) {
    if (!one.live) continue
    key += `/${names.plain(one.base)} ${one.changes.map(({ commit }) => commit)} ${one.checks?.green}${one.checks?.sandbox} ${one.risk}`
  }
  for (const { candidate, word, by } of Object.values(task.approvals))
    if (task.candidates[candidate]!.live) key += ` ${word}${names.person(word === 'yes' ? by : undefined)}`
  if (scope.may.has('effects')) key += `|${task.effects['p/0']}${task.effects['p/1']}`
  if (scope.may.has('budget'))
    for (const [place, { spent, aside }] of Object.entries(task.budgets))
      key += `|${place} ${amounts(spent)} ${amounts(aside)}`
  return key
}
