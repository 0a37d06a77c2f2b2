import type { ResolvedConfig } from '../../../core/config.ts'
import { CodebandError } from '../../../core/errors.ts'
import type { Repository } from '../../repository.ts'
import { openPerson } from '../../workspaces/git/person.ts'

/** Where a band would land, and after which checks. CB_REPO_EMPTY, CB_REF_UNKNOWN. */
export async function lookAtLanding(
  { root, branch }: Repository,
  { merge, checks }: Pick<ResolvedConfig, 'merge' | 'checks'>,
): Promise<{ found: string; status?: 'warn'; cure?: string }> {
  const target = merge.into ?? branch
  const person = await openPerson(root, undefined)
  const commit = target === undefined ? undefined : await person.tip(target)
  if (commit === undefined) {
    const any = await person.git.text(['for-each-ref', '--count=1', '--format=%(objectname)'])
    throw new CodebandError(any === '' ? 'CB_REPO_EMPTY' : 'CB_REF_UNKNOWN', {
      branch: target ?? 'HEAD (detached)',
      repo: root,
    })
  }
  const lands = `on '${target}' at ${commit.slice(0, 7)}`
  if (checks.length > 0) return { found: `${lands}, after ${checks.length} check${checks.length === 1 ? '' : 's'}` }
  return {
    status: 'warn',
    found: `${lands}, with no check: every landing asks you`,
    cure: "Name in the configuration what must pass, such as checks: [['npm', 'test']]",
  }
}
