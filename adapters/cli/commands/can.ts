import { once } from 'node:events'
import { realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { type DenialCode, shown } from '../../../core/boundary/denial.ts'
import { CodebandError, didYouMean } from '../../../core/errors.ts'
import { showDiagnostic } from '../../../core/role/diagnostic.ts'
import type { Position } from '../../../core/role/locate.ts'
import { inspectDefinitions } from '../../definitions/load.ts'
import { placeOf } from '../../definitions/place-problems.ts'
import { openRepository, type Repository } from '../../repository.ts'
import { type DecidingRole, decidingRole } from '../decide-calls.ts'
import type { ExitCode } from '../exit.ts'
import { linesOf } from '../lines-of.ts'
import type { Cli } from '../program.ts'
import { type Rule, ruleOf } from '../rule.ts'

interface Options {
  worktree?: string
  stdin?: boolean
}

interface Answer {
  allowed: boolean
  code: DenialCode | null
  reason: string
}

/** `codeband can ROLE TOOL JSON`: what the gate would say, by which rule, and where that is declared. Exit 0 allowed, 4 denied.
 *  `--stdin`: many calls, an answer a line, exit 0. */
export async function can(
  { screen, cwd }: Cli,
  [roleId, tool, given]: readonly (string | undefined)[],
  { worktree, stdin = false }: Options,
): Promise<ExitCode> {
  if (stdin && roleId !== undefined) {
    throw new CodebandError('CB_USAGE', { detail: '`--stdin` takes role, tool and input from its lines alone' })
  }
  if (!stdin && (roleId === undefined || tool === undefined)) {
    throw new CodebandError('CB_USAGE', {
      detail: `Say which call: \`codeband can coder write_file '{"path":"a.txt","content":"x"}'\``,
    })
  }
  const repository = await openRepository(cwd)
  const gate = await openGate(repository, await folderOf(worktree, cwd, repository))
  if (stdin) return batch(gate, process.stdin)
  const input = inputOf(given)
  if (!gate.known.includes(roleId!)) {
    const near = didYouMean(roleId!, gate.known)
    throw new CodebandError('CB_USAGE', {
      detail: `There is no role '${shown(roleId!)}'.${near} \`codeband roles\` lists them.`,
    })
  }
  const { allowed, code, reason } = await gate.decide(roleId!, tool!, input)
  const { rule, declared } = gate.explain(roleId!, tool!, code, reason)
  screen.object({ role: roleId, tool, allowed, code, reason, rule: rule.text, declared: declared ?? null })
  const place = declared ? `${declared.file}:${declared.line}:${declared.column}` : 'every role'
  screen.line(
    allowed
      ? `${screen.paint.green('allowed')}  ${roleId} ${shown(tool!)}`
      : `${screen.paint.red('denied')}  ${code}  ${reason}`,
  )
  screen.line(`    rule: ${rule.text} (${place})`)
  return allowed ? 0 : 4
}

interface Gate {
  known: readonly string[]
  decide(role: string, tool: string, input: unknown): Promise<Answer>
  explain(
    role: string,
    tool: string,
    code: DenialCode | null,
    reason: string,
  ): { rule: Rule; declared: ({ file: string } & Position) | undefined }
}

/** CB_UNTRUSTED, CB_ROLE_INVALID: what would not run decides nothing. */
async function openGate(repository: Repository, worktree: string): Promise<Gate> {
  const { roleMap, roles, tools, config, diagnostics, trusted, hash, configFile } = await inspectDefinitions(repository)
  if (!trusted) throw new CodebandError('CB_UNTRUSTED', { repo: repository.root, hash })
  // Who reviews whom does not change what a call may do.
  const errors = diagnostics.filter(({ severity, code }) => severity === 'error' && code !== 'same-family')
  if (errors.length > 0 || config === undefined) {
    const problems = errors.map((one) => `  ${showDiagnostic(one)}`).join('\n')
    throw new CodebandError('CB_ROLE_INVALID', { count: errors.length, problems })
  }
  const sources = new Map(roles.map(({ id, source }) => [id, source]))
  const gates = new Map<string, DecidingRole | { problems: readonly string[] }>()
  return {
    known: [...roleMap.keys()],
    async decide(id, tool, input) {
      const role = roleMap.get(id)
      if (role === undefined) {
        const reason = `There is no role '${shown(id)}'.${didYouMean(id.slice(0, 100), [...roleMap.keys()])}`
        return { allowed: false, code: 'policy-unavailable', reason }
      }
      const gate = gates.get(id) ?? decidingRole(role, { worktree, checks: config.checks, tools })
      gates.set(id, gate)
      if ('problems' in gate) {
        return { allowed: false, code: 'policy-unavailable', reason: gate.problems.join('; ') }
      }
      const decision = await gate.decide(tool, input)
      if (!decision.allowed) return decision
      return { allowed: true, code: null, reason: ruleOf(role, tool, undefined, '').text }
    },
    explain(id, tool, code, reason) {
      const rule = ruleOf(roleMap.get(id)!, tool, code ?? undefined, reason)
      const file = rule.inConfig ? configFile : sources.get(id)
      const position = rule.at && file !== undefined ? placeOf(repository.root, file, rule.at) : undefined
      return { rule, declared: position && { file: file!, ...position } }
    },
  }
}

/** Every line has its answer in the same place, a broken one too. */
async function batch(gate: Gate, input: Readable): Promise<ExitCode> {
  const { stdout } = process
  let gone = false
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read the answers has enough of them (`| head`).
    if (error.code !== 'EPIPE') throw error
    gone = true
  })
  for await (const line of linesOf(input, longestLine)) {
    if (gone) break
    if (line === '' || line === '\r') continue
    const text = `${JSON.stringify(await answerTo(gate, line))}\n`
    if (!stdout.write(text)) await Promise.race([once(stdout, 'drain'), once(stdout, 'close')])
  }
  return 0
}

const longestLine = 16 * 1024 * 1024

async function answerTo(gate: Gate, line: string | { tooLong: true }): Promise<Answer & { id: unknown }> {
  const broken = (id: unknown, code: DenialCode, reason: string) => ({ id, allowed: false, code, reason })
  if (typeof line !== 'string') return broken(null, 'payload', `The line is longer than ${longestLine} characters.`)
  let call: unknown
  try {
    call = JSON.parse(line)
  } catch (error) {
    return broken(null, 'schema', `The line is not JSON: ${(error as Error).message}`)
  }
  if (typeof call !== 'object' || call === null || Array.isArray(call)) {
    return broken(null, 'schema', 'A line is an object { id, role, tool, input }.')
  }
  const { id = null, role, tool, input = {} } = call as Record<string, unknown>
  if (typeof role !== 'string' || typeof tool !== 'string') {
    return broken(id, 'schema', "A line names 'role' and 'tool' as strings.")
  }
  const { allowed, code, reason } = await gate.decide(role, tool, input)
  return { id, allowed, code, reason }
}

function inputOf(given: string | undefined): unknown {
  if (given === undefined || given.trim() === '') return {}
  try {
    return JSON.parse(given)
  } catch (cause) {
    throw new CodebandError('CB_USAGE', { detail: `The input is not JSON: ${(cause as Error).message}` }, { cause })
  }
}

async function folderOf(given: string | undefined, cwd: string, { root }: Repository): Promise<string> {
  if (given === undefined) return root
  const path = resolve(cwd, given)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) throw new CodebandError('CB_USAGE', { detail: `--worktree: '${given}' is no folder` })
  return realpath(path)
}
