import { submitTask } from '../core/runtime/submit-task.ts'
import { loadDefinitions, type TrustQuestion } from './definitions/load.ts'
import { host } from './host.ts'
import { openRepository } from './repository.ts'
import { appending } from './repository-log.ts'

/** Queues a task for whoever leads. CB_TASK_EMPTY, CB_UNTRUSTED. */
export async function queueTask({
  cwd,
  text,
  confirm,
}: {
  cwd: string
  text: string
  confirm?: TrustQuestion
}): Promise<{ id: string; leader: string | undefined }> {
  const repository = await openRepository(cwd)
  const { policy } = await loadDefinitions(repository, { confirm })
  let id = ''
  const { leader } = await appending(repository, async (log) => {
    id = await submitTask(log, { text, policy, by: host().user })
  })
  return { id, leader }
}
