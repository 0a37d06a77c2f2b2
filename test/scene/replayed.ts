import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, TestRunner } from 'vitest'
import { bandHome } from '../../adapters/band-home.ts'
import { replayRecording } from '../../adapters/replay-task.ts'
import { openRepository } from '../../adapters/repository.ts'
import { openStore } from '../../adapters/repository-log.ts'
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

/** Every task of this log that has begun. */
export async function everyTaskReplays(repository: {
  root: string
  home: string
  branch: string | undefined
}): Promise<number> {
  const store = openStore(repository)
  try {
    const events: Recorded[] = []
    for await (const event of store.read()) events.push(event)
    const tasks = events.flatMap((event) => (event.type === 'TaskStarted' ? [event.task] : []))
    for (const task of tasks) {
      const recording = (await openRecording(inOrder(events), task))!
      // A program gave its roles as objects: they are kept nowhere.
      const { definitions } = recording.submitted.policy
      if (!existsSync(join(repository.home, 'roles', `${definitions}.json`))) continue
      const { equal, difference } = await replayRecording(repository, recording, { recorded: true })
      if (difference) {
        const { seq, place, before, now, diff = '' } = difference
        throw new Error(
          `${task} does not replay: after ${equal} of ${recording.events.length} events, at event ${seq} (${place}):\nthen ${before}\nnow  ${now}\n${diff}`,
        )
      }
    }
    return tasks.length
  } finally {
    await store.close()
  }
}

async function* inOrder(events: readonly Recorded[]): AsyncGenerator<Recorded> {
  yield* events
}
