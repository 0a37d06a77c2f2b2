import type { Event } from '../../core/protocol/events.ts'
import { readLanding } from './read-landing.ts'
import { readProduct } from './read-product.ts'
import { readTurn } from './read-turn.ts'
import { hold, newStory, type Of, runningOf, type Story, type TaskStory } from './story.ts'

/** What a cancelled task begins no more. */
const beginnings = new Set<Event['type']>([
  'TaskStarted',
  'TaskParked',
  'EffectStarted',
  'TurnStarted',
  'WorkerAssigned',
  'CandidateBuilt',
  'LandingStarted',
])

/** The story with one more event, or Broken where the event may not follow what the log tells so far. */
export function read(story: Story, event: Event): Story {
  if (event.type === 'LeaderElected') {
    hold('I-06', event.epoch > story.epoch, () => `epoch ${event.epoch} leads after epoch ${story.epoch}`)
    return { ...story, epoch: event.epoch }
  }
  const task = story.tasks[event.task]
  if (event.type === 'TaskSubmitted') {
    hold('I-23', task === undefined, () => `task '${event.task}' is submitted twice`)
    return { ...story, tasks: { ...story.tasks, [event.task]: newStory(event.policy) } }
  }
  hold('I-07', task !== undefined, () => `${event.type} of a task that nobody submitted`)
  if (event.type === 'MessageSent') return story
  // What a client does that outlives its task is refused by core, and told.
  const late = event.type === 'ViolationRecorded' && event.turn !== undefined && task.turns[event.turn] !== undefined
  hold('ended', task.stage !== 'ended' || late, () => `${event.type} after the end of '${event.task}'`)
  hold(
    'cancelled',
    !task.cancelled || !beginnings.has(event.type),
    () => `${event.type} after '${event.task}' was cancelled`,
  )
  const after = readTask(task, event, story)
  withinCaps(after)
  return { ...story, tasks: { ...story.tasks, [event.task]: after } }
}

function readTask(
  task: TaskStory,
  event: Exclude<Event, Of<'LeaderElected'> | Of<'TaskSubmitted'> | Of<'MessageSent'>>,
  story: Story,
): TaskStory {
  switch (event.type) {
    case 'TaskStarted':
      hold('I-23', task.stage === 'queued', () => 'a task starts twice')
      return { ...task, stage: 'running' }
    case 'TaskParked':
      hold('I-12', task.stage === 'running', () => `a task that is ${task.stage} is parked`)
      return { ...task, stage: 'parked' }
    case 'TaskResumed':
      hold('I-12', task.stage === 'parked', () => `a task that is ${task.stage} is taken up again`)
      return { ...task, stage: 'running', outages: {} }
    case 'CancelRequested':
      hold('I-23', !task.cancelled, () => 'a task is cancelled twice')
      return { ...task, cancelled: true }
    case 'TaskEnded':
      hold('I-12', runningOf(task).length === 0, () => 'a task ends while a turn runs')
      hold('I-22', task.landing === undefined, () => `a task ends while '${task.landing}' is landing`)
      hold(
        'cancelled',
        !task.cancelled || event.outcome === 'cancelled',
        () => `it was cancelled and ends as ${event.outcome}`,
      )
      return { ...task, stage: 'ended' }
    case 'EffectStarted':
      hold('I-21', task.effects[event.place] === undefined, () => `${event.place} begins twice`)
      return { ...task, effects: { ...task.effects, [event.place]: 'open' } }
    case 'EffectEnded':
    case 'EffectFailed':
      hold('I-20', task.effects[event.place] !== undefined, () => `${event.place} ends and did not begin`)
      hold('I-21', task.effects[event.place] === 'open', () => `${event.place} ends twice`)
      return { ...task, effects: { ...task.effects, [event.place]: 'ended' } }
    case 'TurnStarted':
    case 'TurnEnded':
    case 'TextSaid':
    case 'ToolCalled':
    case 'ToolReturned':
    case 'ViolationRecorded':
    case 'StraysRemoved':
    case 'StallNoticed':
    case 'BudgetOpened':
    case 'BudgetReserved':
      return readTurn(task, event, story)
    case 'WorkerAssigned':
    case 'SubjectAbandoned':
    case 'PlanSubmitted':
    case 'ChangeSubmitted':
    case 'VerdictGiven':
    case 'ChangeReturned':
      return readProduct(task, event)
    default:
      return readLanding(task, event)
  }
}

/** I-14, in every prefix: no node of the budget holds more than its cap. The moves let turns honour what was set aside for them. */
function withinCaps(task: TaskStory): void {
  for (const [place, { caps, spent, aside }] of Object.entries(task.budgets)) {
    for (const kind of Object.keys(caps) as (keyof typeof caps)[]) {
      const sum = (spent[kind] ?? 0) + (aside[kind] ?? 0)
      hold('I-14', sum <= caps[kind]! + 1e-6, () => `'${place}' holds ${sum} ${kind} and may spend ${caps[kind]}`)
    }
  }
}
