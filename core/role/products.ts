import { z } from 'zod'

/** A unit of the plan. */
export const Subtask = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens, at most 32')
    .describe('Short id, for example add-login'),
  title: z.string().min(1).max(200),
  description: z.string().max(20_000).default(''),
  files: z
    .array(z.string().min(1))
    .default([])
    .describe('Paths this subtask may write, relative to the repository; globs allowed'),
  dependsOn: z.array(z.string()).default([]).describe('Ids of subtasks whose changes this one builds on'),
})
export type Subtask = z.output<typeof Subtask>

/** What `submit_plan` takes. */
export const Plan = z.strictObject({
  summary: z.string().max(20_000).default(''),
  subtasks: z.array(Subtask).min(1).max(50),
})
export type Plan = z.output<typeof Plan>

export const Risk = z.enum(['low', 'medium', 'high', 'critical'])

export const Finding = z.strictObject({
  severity: z.enum(['Critical', 'Risk', 'Gap', 'Suggestion']),
  issue: z.string().min(1).max(10_000),
  file: z.string().max(4096).optional(),
  line: z.number().int().positive().optional(),
  evidence: z.string().max(10_000).optional().describe('Quoted lines or command output'),
  suggestion: z.string().max(10_000).optional(),
})

/** What `submit_verdict` takes. */
export const Verdict = z.strictObject({
  decision: z.enum(['approve', 'request_changes', 'escalate']),
  findings: z.array(Finding).max(100).default([]),
  risk: Risk,
  summary: z.string().min(1).max(10_000),
})
export type Verdict = z.output<typeof Verdict>

/** What the turn of a change role hands over. */
export interface ChangeProduct {
  commit: string
  files: string[]
}

/** What `band.merge()` gives. */
export interface MergeReport {
  /** Commits that landed, in order. */
  landed: string[]
  /** Approved changes that came back to their authors: spawn them again through `reviewed`. */
  returned: { role: string; input: unknown; reason: string }[]
}
