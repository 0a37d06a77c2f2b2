import type { Kill } from './killer.ts'

/** A moment at which a band is killed, in words, and where in the code that is. */
export interface Moment {
  name: string
  kills: readonly Kill[]
  /** Which life is killed: 'approve' is that of the person who says yes, 'wait' the one that waits for it. */
  life?: 'approve' | 'wait'
}

const at = (point: string, ...passes: number[]): Kill[] => passes.map((pass) => ({ point, pass }))

/** Every moment that the law of durability speaks of. With several kills, each is a run of its own. */
export const moments: readonly Moment[] = [
  { name: 'before an append (K1, F-DE-01)', kills: at('before append', 1, 4, 30, 63) },
  { name: 'after an append, before anything acts on it (K2, F-DE-02)', kills: at('after append', 2, 5, 31, 64) },
  { name: 'in the middle of a commit', kills: [...at('before commit', 20), ...at('after commit', 20)] },
  { name: 'after an effect, before its result is recorded (K3, F-DE-03)', kills: at('before EffectEnded', 1, 4, 9) },
  { name: 'between a result and the program that waits for it (K4)', kills: at('after EffectEnded', 2, 6) },
  { name: 'between a refusal and the end of what was refused', kills: at('after ViolationRecorded', 1, 2, 3) },
  {
    name: 'while the checkpoint is written (K5)',
    kills: [...at('before the checkpoint', 1, 2), ...at('after the checkpoint', 1, 2), ...at('in the note', 1, 40)],
  },
  { name: 'while a fold is kept', kills: [...at('before the kept fold', 1), ...at('after the kept fold', 1)] },
  {
    name: 'while taking the lead (K6)',
    kills: [...at('after the lock of the lead', 1), ...at('after the lead', 1), ...at('before LeaderElected', 1)],
  },
  {
    name: "while core's repository is made",
    kills: [...at('git before init', 1), ...at('git after init', 1), ...at('git after pack-objects', 1)],
  },
  {
    name: 'between a worktree and its event (K7)',
    kills: [...at('before checkout', 3), ...at('after checkout', 1, 8), ...at('after session start', 2)],
  },
  { name: 'during setup', kills: [...at('in setup', 1, 4), ...at('after setup', 2)] },
  {
    name: 'in the middle of a tool call',
    kills: [...at('after ToolCalled', 3, 11), ...at('before ToolReturned', 5, 10)],
  },
  { name: 'in a tool that may never be repeated', kills: at('in send_letter', 1, 2, 3) },
  { name: 'in a tool that is safe to repeat', kills: at('in stamp_letter', 1, 2) },
  {
    name: 'between the end of a turn and what it hands over',
    kills: [...at('after turn end', 1, 4), ...at('after save', 1, 2), ...at('before ChangeSubmitted', 2)],
  },
  {
    name: 'between a hand-over and the next step',
    kills: [...at('after ChangeSubmitted', 1), ...at('after VerdictGiven', 2), ...at('after PlanSubmitted', 1)],
  },
  {
    name: 'between the merged tree and its event (K8)',
    kills: [...at('after merge-tree', 1, 2), ...at('before CandidateBuilt', 1), ...at('after CandidateBuilt', 1)],
  },
  {
    name: 'during checks',
    kills: [...at('in check', 1, 2), ...at('after check', 2), ...at('after ChecksRecorded', 1)],
  },
  {
    name: 'between the intent to land and the ref',
    kills: [...at('after LandingStarted', 1), ...at('git before update-ref', 1)],
  },
  {
    name: "between the ref and the person's checkout",
    kills: [...at('git after update-ref', 1), ...at('git before read-tree', 1), ...at('git after read-tree', 1)],
  },
  { name: 'between the ref and its event (K9)', kills: at('after the ref', 1) },
  { name: 'between a landing and the end of the merge', kills: at('after Landed', 1) },
  {
    name: "after a person's yes, in the process they said it in",
    life: 'approve',
    kills: [...at('before ApprovalGiven', 1), ...at('after ApprovalGiven', 1), ...at('after the ref', 1)],
  },
  { name: "on hearing a person's yes from another process", life: 'wait', kills: at('on reading ApprovalGiven', 1) },
]
