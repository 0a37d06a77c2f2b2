import { type CandidateStory, hold, type Of, type Product, type TaskStory } from './story.ts'

type LandingEvent = Of<
  | 'CandidateBuilt'
  | 'ChecksRecorded'
  | 'RiskAssessed'
  | 'ApprovalRequested'
  | 'ApprovalGiven'
  | 'ApprovalRefused'
  | 'PersonReminded'
  | 'LandingStarted'
  | 'Landed'
  | 'LandingRefused'
>

const risks = ['low', 'medium', 'high', 'critical']

export function readLanding(task: TaskStory, event: LandingEvent): TaskStory {
  switch (event.type) {
    case 'CandidateBuilt':
      return build(task, event)
    case 'ChecksRecorded': {
      const one = candidateOf(task, event.candidate, 'checks')
      hold('I-18', one.checks === undefined, () => `'${event.candidate}' is checked twice`)
      hold(
        'I-18',
        event.tree === one.tree,
        () => `the checks ran on ${event.tree}, and '${event.candidate}' is ${one.tree}`,
      )
      return withCandidate(task, event.candidate, { ...one, checks: { green: event.passed, sandbox: event.sandbox } })
    }
    case 'RiskAssessed': {
      const one = candidateOf(task, event.candidate, 'risk')
      hold('I-14', one.risk === undefined, () => `the risk of '${event.candidate}' is assessed twice`)
      for (const { subject } of one.changes) {
        const said = task.products[subject]?.yes?.risk ?? 'low'
        hold(
          'I-14',
          risks.indexOf(event.risk) >= risks.indexOf(said),
          () => `a reviewer says ${said}, and the risk is ${event.risk}`,
        )
      }
      return withCandidate(task, event.candidate, { ...one, risk: event.risk })
    }
    case 'ApprovalRequested': {
      const { approval, candidate, commit, base, tree, risk } = event
      const one = candidateOf(task, candidate, 'a request')
      hold('I-15', sameBytes(one, event), () => `a person is asked about other bytes than '${candidate}' has`)
      hold('I-15', risk === one.risk, () => `a person is told ${risk}, and it is ${one.risk}`)
      hold('I-15', task.approvals[approval] === undefined, () => `'${approval}' is asked twice`)
      return { ...task, approvals: { ...task.approvals, [approval]: { candidate, commit, base, tree, word: 'asked' } } }
    }
    case 'ApprovalGiven': {
      const asked = task.approvals[event.approval]
      hold('I-15', asked?.word === 'asked', () => `a yes to '${event.approval}', which is answered or was not asked`)
      hold('I-15', sameBytes(asked, event), () => `a yes to other bytes than were asked about`)
      hold(
        'I-15',
        task.candidates[asked.candidate]!.live,
        () => `a yes to '${asked.candidate}', which can land no more`,
      )
      return { ...task, approvals: { ...task.approvals, [event.approval]: { ...asked, word: 'yes', by: event.by } } }
    }
    case 'ApprovalRefused': {
      const asked = task.approvals[event.approval]
      hold('I-15', asked !== undefined, () => `a no to '${event.approval}', which was not asked`)
      const own = asked.word === 'yes' && asked.by === event.by && task.landing !== asked.candidate
      hold('I-15', asked.word === 'asked' || own, () => `${event.by} says no, and ${asked.by} has decided`)
      return { ...task, approvals: { ...task.approvals, [event.approval]: { ...asked, word: 'no', by: event.by } } }
    }
    case 'PersonReminded':
      hold('I-12', task.approvals[event.approval]?.word === 'asked', () => 'a person is reminded of nothing')
      return task
    case 'LandingStarted':
      return start(task, event)
    case 'Landed':
      return land(task, event)
    case 'LandingRefused': {
      const one = candidateOf(task, event.candidate, 'a refusal')
      hold(
        'I-21',
        task.landing === event.candidate,
        () => `the landing of '${event.candidate}' is refused and was not begun`,
      )
      return { ...withCandidate(task, event.candidate, { ...one, live: event.reason === 'dirty' }), landing: undefined }
    }
  }
}

function build(task: TaskStory, { candidate: id, base, commit, tree, changes }: Of<'CandidateBuilt'>): TaskStory {
  hold('I-22', task.landing === undefined, () => `'${id}' is built while '${task.landing}' is landing`)
  hold('I-21', task.candidates[id] === undefined, () => `'${id}' is built twice`)
  const one: CandidateStory = { base, commit, tree, changes, live: true, landed: false }
  approvedAll(task, one, 'is built')
  const others = Object.entries(task.candidates).map(([key, other]) => [key, { ...other, live: false }] as const)
  return { ...task, candidates: { ...Object.fromEntries(others), [id]: one } }
}

/** I-08, all of it, from what the log tells. */
function start(task: TaskStory, event: Of<'LandingStarted'>): TaskStory {
  const { candidate: id, target, from, to, tree } = event
  const one = candidateOf(task, id, 'a landing')
  hold('I-21', task.landing === undefined, () => `'${id}' begins to land while '${task.landing}' is landing`)
  hold(
    'I-08',
    from === one.base && to === one.commit && tree === one.tree,
    () => `other bytes begin to land than '${id}' has`,
  )
  hold('I-08', target === task.policy.target, () => `it lands on '${target}', not on '${task.policy.target}'`)
  approvedAll(task, one, 'lands')
  hold('I-18', one.checks?.green === true, () => `'${id}' lands and its checks did not pass`)
  const bare = task.policy.sandbox === 'required' && one.checks.sandbox === 'none'
  hold('I-28', !bare, () => `'${id}' lands and its checks ran bare`)
  hold('I-08', one.risk !== undefined, () => `'${id}' lands and nobody knows its risk`)
  const { autoMerge, opposition } = task.policy
  const asks = opposition === 'waived' || autoMerge === 'none' || risks.indexOf(one.risk) > risks.indexOf(autoMerge)
  const words = Object.values(task.approvals).filter((word) => word.candidate === id)
  hold(
    'I-15',
    !asks || words.some((word) => word.word === 'yes' && sameBytes(word, one)),
    () => `'${id}' lands at risk ${one.risk} and no person said yes to it`,
  )
  hold('I-15', !words.some(({ word }) => word === 'no'), () => `'${id}' lands and a person said no to it`)
  return { ...task, landing: id }
}

function land(task: TaskStory, event: Of<'Landed'>): TaskStory {
  const { candidate: id, target, from, to, tree, sandbox, waived } = event
  const one = candidateOf(task, id, 'a landing')
  hold('I-20', task.landing === id, () => `'${id}' has landed and did not begin to`)
  hold(
    'I-08',
    from === one.base && to === one.commit && tree === one.tree,
    () => `other bytes have landed than '${id}' has`,
  )
  hold('I-08', target === task.policy.target, () => `it landed on '${target}'`)
  approvedAll(task, one, 'has landed')
  hold(
    'I-09',
    waived === (task.policy.opposition === 'waived'),
    () => 'the landing hides whether opposition was waived',
  )
  hold('I-28', sandbox === one.checks?.sandbox, () => 'the landing hides where its checks ran')
  const landed = one.changes.map(({ subject }): [string, Product] => [
    subject,
    { ...task.products[subject]!, stage: 'landed' },
  ])
  return {
    ...withCandidate(task, id, { ...one, live: false, landed: true }),
    products: { ...task.products, ...Object.fromEntries(landed) },
    landing: undefined,
  }
}

/** Each change approved at exactly its commit by a family that did not write it, not withdrawn, not landed, and named once. */
function approvedAll(task: TaskStory, { changes }: CandidateStory, what: string): void {
  hold('I-08', changes.length > 0, () => `a candidate of nothing ${what}`)
  hold(
    'I-08',
    new Set(changes.map(({ subject }) => subject)).size === changes.length,
    () => `a candidate ${what} with a change twice`,
  )
  for (const { subject, commit } of changes) {
    const product = task.products[subject]
    hold(
      'I-08',
      product?.stage === 'approved' && product.on === commit && product.yes?.on === commit,
      () => `'${subject}' ${what} at ${commit}; it is ${product?.stage} at ${product?.on}`,
    )
    const own = product.authors.includes(product.yes.family)
    hold(
      'I-09',
      !own || task.policy.opposition === 'waived',
      () => `'${subject}' ${what}, approved by '${product.yes?.family}', which wrote it`,
    )
  }
}

function candidateOf(task: TaskStory, id: string, what: string): CandidateStory {
  const one = task.candidates[id]
  hold('I-08', one !== undefined, () => `${what} of '${id}', which there is not`)
  hold('I-08', one.live, () => `${what} of '${id}', which can land no more`)
  return one
}

const sameBytes = (
  a: { commit: string; base: string; tree: string },
  b: { commit: string; base: string; tree: string },
): boolean => a.commit === b.commit && a.base === b.base && a.tree === b.tree

const withCandidate = (task: TaskStory, id: string, one: CandidateStory): TaskStory => ({
  ...task,
  candidates: { ...task.candidates, [id]: one },
})
