import type { Runtime } from '../core/runtime/runtime.ts'
import { loadDefinitions, type TrustQuestion } from './definitions/load.ts'
import { host } from './host.ts'
import { type Band, openBand } from './open-band.ts'
import { openRepository } from './repository.ts'
import { openStore } from './repository-log.ts'

export type { Band } from './open-band.ts'

/** The band of the repository at `cwd`, as its own files define it, leading. What it throws is told by its parts. */
export async function openRepositoryBand(options: {
  cwd: string
  wait: boolean
  confirm?: TrustQuestion
  answer?: Runtime['answer']
}): Promise<{ band: Band; planOfAction: readonly string[] }> {
  const repository = await openRepository(options.cwd)
  const { config, roles, tools, policy, planOfAction, older } = await loadDefinitions(repository, options)
  const store = openStore(repository)
  try {
    const { wait, answer } = options
    const band = await openBand({
      ...repository,
      host: host(),
      store,
      config,
      roles,
      tools,
      policy,
      older,
      wait,
      answer,
      by: host().user,
    })
    return { band, planOfAction }
  } catch (error) {
    await store.close()
    throw error
  }
}
