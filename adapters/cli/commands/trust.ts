import { CodebandError } from '../../../core/errors.ts'
import { bundleDefinitions, trustDefinitions } from '../../bundle-definitions.ts'
import { openRepository } from '../../repository.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** `codeband trust [--yes]` */
export async function trust(
  { screen, cwd }: Cli,
  _: readonly (string | undefined)[],
  { yes }: { yes?: boolean },
): Promise<ExitCode> {
  const repository = await openRepository(cwd)
  const { hash, files } = await bundleDefinitions(repository)
  if (yes !== true) {
    const confirmed = await confirmTrust(screen)?.({ hash, files })
    if (confirmed === undefined)
      throw new CodebandError('CB_USAGE', {
        detail: 'There is no terminal to ask on: `codeband trust --yes` trusts the definitions as they are now.',
      })
    if (!confirmed) return 2
  }
  await trustDefinitions(repository, hash)
  screen.object({ hash, files, trusted: true })
  screen.line(`Trusted: ${files.length === 0 ? 'the built-in roles' : files.join(', ')} (hash ${hash.slice(0, 12)})`)
  return 0
}
