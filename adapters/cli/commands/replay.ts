import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import type { At, Position } from '../../../core/role/locate.ts'
import type { Difference } from '../../../core/runtime/replay/difference.ts'
import { placeOf } from '../../definitions/place-problems.ts'
import { type ForkEnd, openFork } from '../../fork-task.ts'
import { type ReplayedTask, replayTask } from '../../replay-task.ts'
import type { Repository } from '../../repository.ts'
import { openRepositoryLog } from '../../repository-log.ts'
import { askPerson } from '../ask.ts'
import { type ExitCode, exitCodeOf } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import type { Screen } from '../screen.ts'
import { confirmTrust } from '../trust-prompt.ts'

interface Options {
  roles?: string
  recorded?: boolean
  live?: boolean
}

/** `codeband replay TASK [--roles DIR | --recorded] [--live]`: exit 0 where nothing differs, 1 at a difference; with `--live` as the fork ends. */
export async function replay(
  { screen, cwd }: Cli,
  [task = '']: readonly (string | undefined)[],
  { roles, recorded = false, live = false }: Options,
): Promise<ExitCode> {
  if (roles !== undefined && recorded) {
    throw new CodebandError('CB_USAGE', { detail: '`--roles` and `--recorded` name two definitions; give one of them' })
  }
  const folder = roles === undefined ? undefined : resolve(cwd, roles)
  if (folder !== undefined && !(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new CodebandError('CB_USAGE', { detail: `--roles: '${roles}' is no folder` })
  const { repository, read, close } = await openRepositoryLog({ cwd })
  const confirm = confirmTrust(screen)
  const replayed = await replayTask(repository, read, {
    task,
    recorded,
    ...(folder && { roles: folder }),
    ...(confirm && { confirm }),
  }).finally(close)
  const { difference } = replayed
  const declared = difference && declaredAt(repository, replayed, difference)
  show(screen, replayed, declared)
  const goesOn = live && difference !== undefined
  const forked = goesOn ? await goOn(screen, repository, replayed) : undefined
  const { events, equal, changed } = replayed
  screen.object({
    task,
    events,
    equal,
    changed,
    difference: difference ? { ...difference, declared: declared ?? null } : null,
    fork: forked
      ? {
          home: forked.home,
          outcome: forked.end.result.outcome,
          reason: forked.end.result.reason,
          candidate: forked.end.candidate ?? null,
        }
      : null,
  })
  if (forked) return forked.end.candidate ? 0 : exitCodeOf(forked.end.result)
  if (goesOn) return 130
  return difference ? 1 : 0
}

type Declared = { file: string } & Position

/** The part of the role file that asks for something else. */
function declaredAt(
  { root }: Repository,
  { definitions }: ReplayedTask,
  { role, kind, fields }: Difference,
): Declared | undefined {
  const file = role === undefined ? undefined : definitions.sources?.get(role)
  if (file === undefined) return undefined
  const prompt = fields.includes('prompt') ? 'userPrompt' : 'systemPrompt'
  const key = kind === 'prompt' ? prompt : kind === 'gate' ? 'tools' : kind === 'effect' ? 'steps' : 'id'
  const at: At = { path: [key], key: true }
  const position = placeOf(root, file, at)
  return position && { file, ...position }
}

function show(screen: Screen, { task, events, equal, difference, changed }: ReplayedTask, declared?: Declared): void {
  const { bold, dim, green, red } = screen.paint
  if (difference === undefined) screen.line(green(`${task}: replayed ${events} events, no difference`))
  else {
    const { seq, place, worker, role, before, now, diff, tools } = difference
    const end = seq === undefined ? 'after the last recorded event' : `at event ${seq} of the log`
    screen.line(bold(`${task}: replayed ${equal} of ${events} events; the first difference is ${end}`))
    const who = [worker ?? role, place && `at ${place}`].filter(Boolean).join(' ')
    const where = declared ? ` (${declared.file}:${declared.line}:${declared.column})` : ''
    if (who) screen.line(`  ${who}${where}`)
    screen.line(`  ${red('then')}  ${before}`)
    screen.line(`  ${green('now')}   ${now}`)
    for (const tool of tools?.added ?? []) screen.line(`  ${green(`+ tool ${tool}`)}`)
    for (const tool of tools?.removed ?? []) screen.line(`  ${red(`- tool ${tool}`)}`)
    if (diff) screen.line(diff.replace(/^/gm, '    '))
  }
  if (changed.length > 0)
    screen.line(dim(`Defined in other words, and asked the same until there: ${changed.join(', ')}`))
}

/** The real band from the difference on; undefined when it was interrupted. */
async function goOn(
  screen: Screen,
  repository: Repository,
  { recording, definitions }: ReplayedTask,
): Promise<{ home: string; end: ForkEnd } | undefined> {
  const { band, home, run } = await openFork(
    repository,
    recording,
    definitions,
    screen.terminal ? askPerson : undefined,
  )
  screen.line(screen.paint.dim(`Goes on from there in ${home}; nothing of it lands.`))
  if (!screen.json) band.on('event', screen.event)
  let end: ForkEnd | undefined
  await untilInterrupted(undefined, band, async () => {
    end = await run()
    return 0
  })
  if (end === undefined) return undefined
  const { candidate, result } = end
  if (candidate) {
    const { base, commit, target } = candidate
    screen.line(`Would have landed on ${target}: ${base.slice(0, 10)} -> ${commit.slice(0, 10)}. Look at it:`)
    screen.line(`git --git-dir=${home}/repo.git diff ${base} ${commit}`)
  } else screen.line(`The fork ended without anything to land: ${result.outcome}: ${result.reason}`)
  return { home, end }
}
