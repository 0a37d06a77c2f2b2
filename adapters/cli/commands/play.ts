import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodebandError, didYouMean } from '../../../core/errors.ts'
import { taskOf } from '../../../core/protocol/state.ts'
import { get } from '../../../core/protocol/table.ts'
import type { Role, StepsContext } from '../../../core/role/role.ts'
import { parse } from '../../../core/role/schema.ts'
import { loadDefinitions } from '../../definitions/load.ts'
import { memoryEventStore } from '../../event-stores/memory.ts'
import { scripted } from '../../frameworks/scripted.ts'
import { host } from '../../host.ts'
import { openBand } from '../../open-band.ts'
import { openRepository } from '../../repository.ts'
import { askPerson } from '../ask.ts'
import { type ExitCode, exitCodeOf } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** `codeband run --role ROLE 'INPUT' [--script FILE]`: one role in a throw-away worktree and a log that is not kept. */
export async function playRole(
  { screen, cwd }: Cli,
  id: string,
  given: string,
  script: string | undefined,
): Promise<ExitCode> {
  const repository = await openRepository(cwd)
  const definitions = await loadDefinitions(repository, {
    confirm: confirmTrust(screen),
    frameworksMayMiss: script !== undefined,
  })
  const role = definitions.roles.get(id)
  const known = [...definitions.roles.keys()]
  if (role === undefined) {
    const where = 'The option --role'
    throw new CodebandError('CB_ROLE_UNKNOWN', {
      where,
      name: id,
      known: `${known.join(', ')}.${didYouMean(id, known)}`,
    })
  }
  if (id === 'conductor') {
    const cure =
      '`codeband run "TASK"` plays it; in a test, `playRole` of codeband/testing plays it in a repository of its own.'
    throw new CodebandError('CB_USAGE', { detail: `'conductor' is the whole band, and what it lands stays. ${cure}` })
  }
  const input = inputOf(role, given)
  const fits = role.input === undefined ? undefined : parse(role.input, input)
  if (fits && !fits.ok) throw new CodebandError('CB_INPUT_INVALID', { role: id, problems: fits.problems })
  const frameworks =
    script === undefined
      ? definitions.config.frameworks
      : { scripted: scripted({ id: 'scripted', family: 'scripted', script }) }
  const config =
    script === undefined
      ? definitions.config
      : { ...definitions.config, frameworks, workers: {}, review: { opposition: 'waived' as const } }
  const conductor: Role = {
    id: 'conductor',
    description: `Plays ${id} once.`,
    spawnableRoles: [id],
    *steps({ band }: StepsContext) {
      return yield* band.spawn(role, input)
    },
  }
  const roles = new Map(
    [...definitions.roles].map(([name, one]) => [name, script === undefined ? one : { ...one, frameworks: undefined }]),
  )
  roles.set('conductor', conductor)
  const home = await mkdtemp(join(await realpath(tmpdir()), 'codeband-try-'))
  try {
    const band = await openBand({
      ...definitions,
      root: repository.root,
      home,
      host: host(),
      store: memoryEventStore(),
      config,
      roles,
      wait: false,
      answer: screen.terminal ? askPerson : undefined,
      by: host().user,
    })
    band.on('event', (event) => {
      if (!screen.json && event.type === 'TurnStarted') {
        screen.line(screen.paint.dim(`--- system prompt\n${event.systemPrompt}\n--- prompt\n${event.prompt}\n---`))
      }
      if (!screen.json && event.type === 'ToolCalled')
        screen.line(screen.paint.dim(`  > ${event.tool} ${JSON.stringify(event.input).slice(0, 300)}`))
      screen.event(event)
      if (!screen.json && event.type === 'ViolationRecorded') screen.line(screen.paint.dim(`    ${event.reason}`))
    })
    return await untilInterrupted(undefined, band, async () => {
      const result = await band.run(`Play ${id}`)
      const end = get(taskOf(band.state, result.task)!.journal, 'conductor/0')?.end
      if (end?.ok) screen.line(`\nOutput: ${JSON.stringify(end.result ?? null, null, 2)}`)
      return exitCodeOf(result)
    })
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** JSON where it is JSON; plain text goes to a role that takes a task. */
function inputOf({ id }: Role, given: string): unknown {
  const text = given.trim()
  if (text === '') return {}
  if (!/^[[{]/.test(text)) return { task: text, files: [] }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CodebandError(
      'CB_INPUT_INVALID',
      { role: id, problems: `it is not JSON: ${(cause as Error).message}` },
      { cause },
    )
  }
}
