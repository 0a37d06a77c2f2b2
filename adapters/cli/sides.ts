import type { Recorded } from '../../core/protocol/events.ts'
import type { TraceLine } from './trace.ts'

/** What the two sides of a product that was not agreed on said last: its author and its reviewer. */
export interface Sides {
  hear(event: Recorded): void
  of(task: string): TraceLine[]
}

type Author = Extract<Recorded, { type: 'PlanSubmitted' | 'ChangeSubmitted' }>
type Reviewer = Extract<Recorded, { type: 'VerdictGiven' }>

export function openSides(): Sides {
  const said = new Map<string, string>()
  const authors = new Map<string, Author>()
  const reviewers = new Map<string, Reviewer>()
  return {
    hear(event) {
      if (event.type === 'TextSaid' && event.text.trim()) said.set(event.turn, event.text)
      if (event.type === 'PlanSubmitted' || event.type === 'ChangeSubmitted')
        authors.set(`${event.task} ${event.subject}`, event)
      if (event.type === 'VerdictGiven') reviewers.set(`${event.task} ${event.subject}`, event)
    },
    of(task) {
      return [...reviewers.entries()].flatMap(([key, { worker, verdict, task: its }]): TraceLine[] => {
        const author = authors.get(key)
        if (its !== task || verdict.decision === 'approve' || author === undefined) return []
        const view = said.get(author.turn) ?? (author.type === 'PlanSubmitted' ? author.plan.summary : author.message)
        const issues = verdict.findings.map(({ severity, issue }) => `${severity}: ${issue}`)
        return [
          { who: author.worker, text: `Says of ${author.subject}: ${oneLine(view)}`, tone: 'plain' },
          {
            who: worker,
            text: `Says of ${author.subject}: ${oneLine([verdict.summary, ...issues].join(' '))}`,
            tone: 'bad',
          },
        ]
      })
    },
  }
}

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 400 ? `${line.slice(0, 400)}...` : line
}
