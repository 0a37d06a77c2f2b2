import { handing } from './read-turn.ts'
import { hold, type Of, type Product, runningOf, type TaskStory } from './story.ts'

type ProductEvent = Of<
  'WorkerAssigned' | 'SubjectAbandoned' | 'PlanSubmitted' | 'ChangeSubmitted' | 'VerdictGiven' | 'ChangeReturned'
>

export function readProduct(task: TaskStory, event: ProductEvent): TaskStory {
  switch (event.type) {
    case 'WorkerAssigned':
      return assign(task, event)
    case 'SubjectAbandoned': {
      const product = task.products[event.subject]
      hold(
        'I-22',
        product !== undefined && product.stage !== 'approved' && product.stage !== 'landed',
        () => `'${event.subject}' is given up, and is ${product?.stage}`,
      )
      return withProduct(task, event.subject, { ...product, stage: 'abandoned', yes: undefined })
    }
    case 'PlanSubmitted':
      hold('plan', !isCircular(event.plan), () => 'a plan whose subtasks wait for each other is taken')
      return submit(task, event, event.hash, '')
    case 'ChangeSubmitted':
      hold('I-08', event.files.length > 0, () => 'a change without a difference is taken')
      return submit(task, event, event.commit, event.base)
    case 'VerdictGiven':
      return judge(task, event)
    case 'ChangeReturned': {
      const { subject, commit } = event
      const product = task.products[subject]
      hold(
        'I-08',
        product?.stage === 'approved' && product.on === commit,
        () => `'${subject}' comes back at ${commit}, where it was not approved`,
      )
      const landing = task.landing === undefined ? undefined : task.candidates[task.landing]
      const moves = landing?.changes.some((one) => one.subject === subject) ?? false
      hold('I-22', !moves, () => `'${subject}' comes back while the branch may be moving to it`)
      return withProduct(task, subject, { ...product, stage: 'returned', yes: undefined })
    }
  }
}

function assign(task: TaskStory, { subject, worker, family, epoch, start }: Of<'WorkerAssigned'>): TaskStory {
  const before = task.makers[subject]
  hold('I-05', epoch > (before?.epoch ?? 0), () => `'${subject}' goes from epoch ${before?.epoch} to ${epoch}`)
  hold('I-12', task.stage === 'running', () => `'${subject}' is given to '${worker}' in a task that is ${task.stage}`)
  const still = runningOf(task).some(([, turn]) => turn.purpose === 'produce' && turn.subject === subject)
  hold('I-10', !still, () => `'${subject}' goes to '${worker}' while a turn still makes it`)
  const product = task.products[subject]
  const foreign = product?.authors.find((author) => author !== family)
  hold(
    'I-09',
    start === 'afresh' || foreign === undefined,
    () => `'${family}' goes on with '${subject}', which '${foreign}' wrote, and does not start afresh`,
  )
  return { ...task, makers: { ...task.makers, [subject]: { worker, family, epoch, anew: start === 'afresh' } } }
}

function submit(
  task: TaskStory,
  { subject, turn: id, worker, family, role }: Of<'PlanSubmitted'> | Of<'ChangeSubmitted'>,
  on: string,
  base: string,
): TaskStory {
  const turn = handing(task, id, `'${subject}' at ${on}`)
  hold(
    'I-30',
    turn.purpose === 'produce' && turn.subject === subject,
    () => `a turn that does not make '${subject}' hands it over`,
  )
  const own = turn.worker === worker && turn.family === family && turn.role === role
  hold(
    'I-09',
    own,
    () => `'${subject}' is signed by '${worker}' (${family}) and was made by '${turn.worker}' (${turn.family})`,
  )
  const last = task.products[subject]
  const rounds = (last?.rounds ?? 0) + 1
  hold(
    'I-13',
    rounds <= task.policy.rounds,
    () => `'${subject}' has ${rounds} versions, and may have ${task.policy.rounds}`,
  )
  const over = last && ['approved', 'landed', 'abandoned'].includes(last.stage)
  hold('I-08', !over, () => `a new version of '${subject}', which is ${last?.stage}`)
  const moved = last && last.base !== base && last.stage !== 'returned'
  hold('I-08', !moved, () => `'${subject}' moves from base ${last?.base} to ${base}`)
  const maker = task.makers[subject]!
  const before = maker.anew ? [] : (last?.authors ?? [])
  const authors = before.includes(family) ? before : [...before, family]
  return {
    ...withProduct(task, subject, { on, base, authors, rounds, stage: 'submitted' }),
    makers: { ...task.makers, [subject]: { ...maker, anew: false } },
  }
}

function judge(task: TaskStory, event: Of<'VerdictGiven'>): TaskStory {
  const { subject, on, turn: id, worker, family, verdict, sameFamily = false } = event
  const turn = handing(task, id, `a verdict on '${subject}'`)
  hold(
    'I-30',
    turn.purpose === 'review' && turn.subject === subject,
    () => `a turn that does not judge '${subject}' gives a verdict on it`,
  )
  hold(
    'I-09',
    turn.worker === worker && turn.family === family,
    () => `the verdict of '${turn.worker}' counts as one of '${worker}' (${family})`,
  )
  const product = task.products[subject]
  hold(
    'I-08',
    product !== undefined && turn.on === on && product.on === on,
    () => `a turn that looked at ${turn.on} judges ${on}, and '${subject}' is at ${product?.on}`,
  )
  hold('I-15', product.stage === 'submitted', () => `'${subject}' is judged again, and is ${product.stage}`)
  const own = product.authors.includes(family)
  hold(
    'I-09',
    !own || (task.policy.opposition === 'waived' && sameFamily),
    () => `'${family}' judges '${subject}', which it wrote`,
  )
  hold('I-09', own || !sameFamily, () => `a verdict of an opposite family is marked as one of the same`)
  const { decision, risk } = verdict
  const stage = decision === 'approve' ? 'approved' : decision === 'escalate' ? 'escalated' : 'requested'
  return withProduct(task, subject, { ...product, stage, yes: stage === 'approved' ? { on, family, risk } : undefined })
}

/** Whether nothing is left to begin with, once all that waits for nothing is taken away. */
function isCircular({ subtasks }: Of<'PlanSubmitted'>['plan']): boolean {
  const waiting = subtasks.filter(({ dependsOn }) => dependsOn.some((id) => subtasks.some((one) => one.id === id)))
  return waiting.length > 0 && (waiting.length === subtasks.length || isCircular({ summary: '', subtasks: waiting }))
}

export function withProduct(task: TaskStory, subject: string, product: Product): TaskStory {
  return { ...task, products: { ...task.products, [subject]: product } }
}
