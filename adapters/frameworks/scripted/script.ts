import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { CodebandError } from '../../../core/errors.ts'
import type { Failure, SessionTool, ToolResult } from '../../../core/ports/framework.ts'

const failures = [
  'auth',
  'quota',
  'rate-limit',
  'overloaded',
  'context',
  'refusal',
  'malformed',
  'stalled',
  'crashed',
  'version',
] as const satisfies readonly Failure['kind'][]

const ms = z.number().nonnegative()
const tokens = z.number().int().nonnegative()

/** The forms of a step, by the key that tells them apart. */
const forms = {
  say: z.strictObject({ say: z.string() }),
  think: z.strictObject({ think: z.string() }),
  call: z.strictObject({
    call: z.string(),
    input: z.unknown().optional(),
    expect: z.union([z.literal(['ok', 'error']), z.strictObject({ contains: z.string() })]).optional(),
  }),
  wait: z.strictObject({ wait: ms }),
  fail: z.strictObject({ fail: z.enum(failures), detail: z.string().optional(), retryAfter: ms.optional() }),
  usage: z.strictObject({
    usage: z.strictObject({
      inputTokens: tokens,
      outputTokens: tokens,
      cachedTokens: tokens.optional(),
      usd: z.number().nonnegative().optional(),
    }),
  }),
}
const names = Object.keys(forms) as (keyof typeof forms)[]

/** One thing a scripted model does; times are milliseconds. */
export type ScriptStep = z.input<(typeof forms)[keyof typeof forms]>

// Not z.union: its message would list what is wrong with every form, and a step means one.
const scriptStep = z.custom<ScriptStep>().superRefine((value: unknown, context) => {
  const form = names.find((name) => typeof value === 'object' && value !== null && name in value)
  const issues = form
    ? (forms[form].safeParse(value).error?.issues ?? [])
    : [{ path: [], message: `not one of ${names.join(', ')}` }]
  for (const { path, message } of issues) context.addIssue({ code: 'custom', path: [...path], message })
})

const scriptTurn = z.strictObject({
  role: z.string().min(1),
  when: z.string().optional(),
  round: z.number().int().positive().optional(),
  steps: z.array(scriptStep),
})

const scriptFile = z.strictObject({ turns: z.array(scriptTurn) })

/** One turn of a role: played once a session, at the first prompt that contains `when` and is the session's `round`-th. */
export type ScriptTurn = z.input<typeof scriptTurn>
export type Script = z.input<typeof scriptFile>

/** What a script that is a function knows of the turn it is to play. */
export interface ScriptMoment {
  role: string
  worker: string
  prompt: string
  systemPrompt: string
  /** How many turns of this session have ended. */
  played: number
  tools: readonly SessionTool[]
}

/** A generator gets the result of each `call` it yields, undefined for its other steps. */
export type ScriptFunction = (
  turn: ScriptMoment,
) => readonly ScriptStep[] | AsyncGenerator<ScriptStep, void, ToolResult | undefined>

/** `{ turns: ... }` as JSON gives it is checked when a session starts. */
export type ScriptSource = string | Script | { readonly turns: readonly object[] } | ScriptFunction

/** The script, ready to be played. CB_SCRIPT_INVALID with the file and every reason. */
export async function readScript(source: Exclude<ScriptSource, ScriptFunction>, repo: string): Promise<Script> {
  const file = typeof source === 'string' ? resolve(repo, source) : 'given as an object'
  const result = scriptFile.safeParse(typeof source === 'string' ? await readJson(file) : source)
  if (result.success) return result.data
  throw new CodebandError('CB_SCRIPT_INVALID', { file, detail: reasons(result.error) })
}

/** The step, or what is wrong with it. */
export function readStep(step: unknown): ScriptStep | { problem: string } {
  const result = scriptStep.safeParse(step)
  return result.success ? result.data : { problem: `${JSON.stringify(step)} is no step: ${reasons(result.error)}` }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (error) {
    throw new CodebandError('CB_SCRIPT_INVALID', { file, detail: (error as Error).message }, { cause: error })
  }
}

const reasons = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`).join('; ')
