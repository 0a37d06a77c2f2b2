import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, TestRunner } from 'vitest'
import { bandHome } from '../../adapters/band-home.ts'
import { bundleDefinitions } from '../../adapters/definitions/bundle.ts'
import { evaluateDefinitions, whole } from '../../adapters/definitions/load.ts'
import { type Band, type BandOptions, createBand } from '../../adapters/index.ts'
import { playAgain, type ReplayedTask, replayRecording } from '../../adapters/replay-task.ts'
import { openRepository, type Repository } from '../../adapters/repository.ts'
import { openStore } from '../../adapters/repository-log.ts'
import { resolveConfig } from '../../core/config.ts'
import type { Recorded } from '../../core/protocol/events.ts'
import { openRecording } from '../../core/runtime/replay/recording.ts'

type Env = Readonly<Record<string, string | undefined>>

const bands = new Map<string, Set<string>>()
const reasons = new Map<string, string>()

/** The bands of this test are not replayed at its end; the reason is for the reader. */
export function withoutReplay(reason: string): void {
  reasons.set(TestRunner.getCurrentTest()!.id, reason)
}

/** At the end of the test that runs now, every task of this repository's band is replayed with the definitions that it began with, and
 *  every recorded event has to come again. Once a test and repository. */
export function replayedAtTheEnd(cwd: string, env: Env): void {
  const test = TestRunner.getCurrentTest()
  if (test === undefined) return
  const seen = bands.get(test.id) ?? new Set()
  bands.set(test.id, seen)
  if (seen.has(cwd)) return
  seen.add(cwd)
  onTestFinished(async ({ task }) => {
    // What failed already says what is wrong.
    if (task.result?.state === 'fail' || reasons.has(test.id)) return
    await replayAll(cwd, env)
  })
}

async function replayAll(cwd: string, env: Env): Promise<void> {
  if (!existsSync(cwd)) return
  const found = await openRepository(cwd).catch(() => undefined)
  if (found === undefined) return
  const home = bandHome(found.root, { env, homeFolder: env.HOME ?? '' })
  if (existsSync(join(home, 'band.db'))) await everyTaskReplays({ ...found, home })
}

/** Every task of this log that has begun; without `definitions`, with those that it began with. */
async function everyTaskReplays(repository: Repository, definitions?: ReplayedTask['definitions']): Promise<void> {
  const store = openStore(repository)
  try {
    const events: Recorded[] = []
    for await (const event of store.read()) events.push(event)
    for (const task of events.flatMap((event) => (event.type === 'TaskStarted' ? [event.task] : []))) {
      const recording = (await openRecording(inOrder(events), task))!
      const kept = `${recording.submitted.policy.definitions}.json`
      // A program gave its roles as objects: they are kept nowhere.
      if (definitions === undefined && !existsSync(join(repository.home, 'roles', kept))) continue
      const { equal, difference } = definitions
        ? await playAgain(repository, recording, definitions)
        : await replayRecording(repository, recording, { recorded: true })
      if (difference === undefined) continue
      const { seq, place, before, now, diff = '' } = difference
      const where = `after ${equal} of ${recording.events.length} events, at event ${seq} (${place})`
      throw new Error(`${task} does not replay: ${where}:\nthen ${before}\nnow  ${now}\n${diff}`)
    }
  } finally {
    await store.close()
  }
}

/** `createBand`, and at the end of the test all that it ran has to come again with the same roles. */
export async function replayedBand(options: BandOptions): Promise<Band> {
  const test = TestRunner.getCurrentTest()!
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail' || reasons.has(test.id)) return
    const {
      repo,
      roles = [],
      tools = [],
      trust: _,
      home,
      wait: __,
      answer: ___,
      by: ____,
      env: _____,
      ...given
    } = options
    const repository = await openRepository(repo, home)
    const bundled = await bundleDefinitions(repository)
    const evaluated = await evaluateDefinitions(repository, bundled, { mayRun: false, roles, tools })
    const config = resolveConfig(given, 'a test', () => undefined)
    await everyTaskReplays(repository, whole(repository, config, evaluated, bundled, { roles, tools }))
  })
  return createBand(options)
}

async function* inOrder(events: readonly Recorded[]): AsyncGenerator<Recorded> {
  yield* events
}
