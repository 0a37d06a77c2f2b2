import { type Amounts, hold, type Of, type Purse, type Story, type TaskStory, type TurnStory } from './story.ts'

type TurnEvent = Of<
  | 'TurnStarted'
  | 'TurnEnded'
  | 'TextSaid'
  | 'ToolCalled'
  | 'ToolReturned'
  | 'ViolationRecorded'
  | 'StraysRemoved'
  | 'StallNoticed'
  | 'BudgetOpened'
  | 'BudgetReserved'
>

/** The kinds of failure that the moves let a turn have. */
const outageKinds = new Set(['overloaded', 'auth'])

export function readTurn(task: TaskStory, event: TurnEvent, story: Story): TaskStory {
  switch (event.type) {
    case 'StraysRemoved':
    case 'ViolationRecorded': {
      const { turn, worker } = event
      if (turn !== undefined) {
        hold('I-20', task.turns[turn] !== undefined, () => `${event.type} of the turn '${turn}', which did not begin`)
        hold('I-30', task.turns[turn].worker === worker, () => `${event.type} of '${turn}' is told of '${worker}'`)
      }
      return task
    }
    case 'BudgetOpened': {
      const { place, parent = '', caps } = event
      hold(
        'I-14',
        task.budgets[place] === undefined,
        () => `the budget '${place}' is opened twice: what was spent is forgotten`,
      )
      hold(
        'I-14',
        task.budgets[parent] !== undefined,
        () => `the budget '${place}' hangs on '${parent}', which there is not`,
      )
      return { ...task, budgets: { ...task.budgets, [place]: { parent, caps, spent: {}, aside: {} } } }
    }
    case 'TurnStarted':
      return begin(task, event, story)
    case 'TurnEnded':
      return end(task, event)
    case 'BudgetReserved': {
      const turn = running(task, event.turn)
      const aside = plus(turn.aside, event.more)
      return {
        ...task,
        turns: { ...task.turns, [event.turn]: { ...turn, aside } },
        budgets: upwards(task.budgets, turn.budget, (purse) => ({ ...purse, aside: plus(purse.aside, event.more) })),
      }
    }
    default:
      current(task, running(task, event.turn), event.type)
      return task
  }
}

function begin(task: TaskStory, event: Of<'TurnStarted'>, story: Story): TaskStory {
  const {
    turn: id,
    place,
    worker,
    family,
    role,
    purpose = 'play',
    subject,
    on,
    epoch,
    budget = '',
    reserved = {},
  } = event
  hold('I-12', task.stage === 'running', () => `a turn begins in a task that is ${task.stage}`)
  hold('I-21', task.turns[id] === undefined, () => `the turn '${id}' begins twice`)
  const held = Object.values(story.tasks).some((one) =>
    Object.values(one.turns).some((other) => other.runs && other.worker === worker),
  )
  hold('I-10', !held, () => `'${worker}' begins a turn and has another one`)
  const { retries, rounds, outages = 5 } = task.policy
  hold(
    'I-13',
    (task.failed[place] ?? 0) <= retries,
    () => `${task.failed[place]} turns failed at ${place}, and one more begins`,
  )
  hold(
    'I-13',
    (task.outages[place] ?? 0) <= outages,
    () => `${task.outages[place]} outages in a row, and one more turn begins`,
  )
  const product = subject === undefined ? undefined : task.products[subject]
  if (purpose === 'produce' && subject !== undefined) {
    const maker = task.makers[subject]
    hold(
      'I-30',
      maker?.worker === worker && maker.family === family,
      () => `'${worker}' makes '${subject}', which is not its own`,
    )
    hold('I-05', epoch === maker.epoch, () => `a turn of epoch ${epoch} begins in epoch ${maker.epoch}`)
    hold(
      'I-13',
      (product?.rounds ?? 0) < rounds,
      () => `round ${product!.rounds + 1} of ${rounds} begins on '${subject}'`,
    )
    const over = product && ['approved', 'landed', 'abandoned'].includes(product.stage)
    hold('state', !over, () => `more is made of '${subject}', which is ${product?.stage}`)
  }
  if (purpose === 'review') {
    hold(
      'I-08',
      product !== undefined && product.on === on,
      () => `a review of ${on} begins, and '${subject}' is at ${product?.on}`,
    )
    const own = product.authors.includes(family)
    hold(
      'I-09',
      !own || task.policy.opposition === 'waived',
      () => `'${family}' wrote '${subject}' and begins to judge it`,
    )
  }
  const turn: TurnStory = {
    worker,
    family,
    role,
    place,
    purpose,
    subject,
    on,
    epoch,
    budget: task.budgets[budget] ? budget : '',
    aside: reserved,
    runs: true,
    done: false,
  }
  return {
    ...task,
    turns: { ...task.turns, [id]: turn },
    last: subject === undefined ? task.last : { ...task.last, [subject]: id },
    budgets: upwards(task.budgets, turn.budget, (purse) => ({ ...purse, aside: plus(purse.aside, reserved) })),
  }
}

function end(task: TaskStory, { turn: id, worker, outcome, failure, usage, ms }: Of<'TurnEnded'>): TaskStory {
  const turn = running(task, id)
  hold('I-30', turn.worker === worker, () => `the turn of '${turn.worker}' is ended as one of '${worker}'`)
  const { place } = turn
  const world = outcome !== 'cancelled' && outcome !== 'done' && outageKinds.has(failure?.kind ?? '')
  const wrong = outcome !== 'cancelled' && outcome !== 'done' && !world
  const spent = { turns: 1, tokens: usage.inputTokens + usage.outputTokens, usd: usage.usd ?? 0, ms }
  return {
    ...task,
    turns: { ...task.turns, [id]: { ...turn, runs: false, done: outcome === 'done' } },
    failed: wrong ? { ...task.failed, [place]: (task.failed[place] ?? 0) + 1 } : task.failed,
    outages:
      outcome === 'cancelled' ? task.outages : { ...task.outages, [place]: world ? (task.outages[place] ?? 0) + 1 : 0 },
    budgets: upwards(task.budgets, turn.budget, (purse) => ({
      ...purse,
      aside: plus(purse.aside, turn.aside, -1),
      spent: plus(purse.spent, spent),
    })),
  }
}

function running(task: TaskStory, id: string): TurnStory {
  const turn = task.turns[id]
  hold('I-20', turn !== undefined, () => `the turn '${id}' did not begin`)
  hold('I-21', turn.runs, () => `the turn '${id}' has ended`)
  return turn
}

/** I-05: who the product was taken from says nothing more. */
export function current(task: TaskStory, { subject, purpose, epoch }: TurnStory, what: string): void {
  const maker = purpose === 'produce' && subject !== undefined ? task.makers[subject] : undefined
  if (maker)
    hold('I-05', maker.epoch === epoch, () => `${what} of epoch ${epoch}; '${subject}' is in epoch ${maker.epoch}`)
}

/** The turn, if it may still hand something over: it runs, or nothing of its product came after it. */
export function handing(task: TaskStory, id: string, what: string): TurnStory {
  const turn = task.turns[id]
  hold('I-20', turn !== undefined, () => `${what} of a turn that did not begin`)
  const late = turn.done && turn.subject !== undefined && task.last[turn.subject] === id
  hold('I-05', turn.runs || late, () => `${what} of a turn that is over`)
  current(task, turn, what)
  return turn
}

function upwards(purses: TaskStory['budgets'], place: string, map: (purse: Purse) => Purse): TaskStory['budgets'] {
  const purse = purses[place]
  if (purse === undefined) return purses
  const changed = { ...purses, [place]: map(purse) }
  return purse.parent === undefined ? changed : upwards(changed, purse.parent, map)
}

function plus(a: Amounts, b: Amounts, sign = 1): Amounts {
  const sum: Record<string, number> = { ...a }
  for (const [kind, amount] of Object.entries(b)) sum[kind] = Math.round(((sum[kind] ?? 0) + sign * amount) * 1e6) / 1e6
  return sum
}
