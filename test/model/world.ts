import type { Caps } from '../../core/protocol/budget.ts'
import type { Command } from '../../core/protocol/commands.ts'
import type { Policy } from '../../core/protocol/events.ts'
import { initialState, type State } from '../../core/protocol/state.ts'
import { noStory, type Story } from './story.ts'

/** The band and what is around it. */
export interface World {
  state: State
  story: Story
  git: Git
}

/** The target branch, as it really is. */
export interface Git {
  tip: string
  /** What it holds: a landing that is in here happened, whether or not the log says so. */
  holds: readonly string[]
}

export const firstWorld: World = { state: initialState, story: noStory, git: { tip: 'm0', holds: ['m0'] } }

/** Something that can happen: a command reaches the law, or the branch moves. */
export type Move =
  | { command: Command }
  /** Somebody else's push. */
  | { push: string }
  /** The leader moves the branch by compare-and-swap; nothing in the log tells yet. */
  | { swap: string; task: string }

/** What may be asked in a part of the space, and how much of it. */
export interface Scope {
  name: string
  /** What it is there to find. */
  says: string
  tasks: readonly string[]
  policy: Policy
  /** Changes that each task makes. */
  subjects: readonly string[]
  /** The coders; a family comes from the name. */
  coders: readonly string[]
  /** Caps of a node below the task's. */
  caps?: Caps
  may: ReadonlySet<Group>
  /** How many candidates a task may build, and how often somebody else pushes. */
  candidates: number
  pushes: number
  /** Commands that make the first state. */
  start?: (name: string) => readonly Command[]
  /** Worlds that the short profile looks at; more than there are, where it sees all. */
  short: number
}

export type Group =
  | 'produce'
  | 'review'
  | 'fail'
  | 'reassign'
  | 'plan'
  | 'land'
  | 'approve'
  | 'park'
  | 'cancel'
  | 'crash'
  | 'effects'
  | 'budget'
  | 'talk'
