import { CodebandError } from '../../../core/errors.ts'
import { showDiagnostic } from '../../../core/role/diagnostic.ts'
import { bundleDefinitions } from '../../definitions/bundle.ts'
import { askForTrust } from '../../definitions/load.ts'
import { openRepository } from '../../repository.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { confirmTrust, showTrustQuestion } from '../trust-prompt.ts'

/** `codeband trust [--yes]` */
export async function trust(
  { screen, cwd }: Cli,
  _: readonly (string | undefined)[],
  { yes }: { yes?: boolean },
): Promise<ExitCode> {
  const repository = await openRepository(cwd)
  const bundled = await bundleDefinitions(repository)
  const { hash, files, own } = bundled
  const confirm = yes
    ? async (question: Parameters<typeof showTrustQuestion>[1]) => {
        if (!screen.json) showTrustQuestion(screen, question)
        return true
      }
    : confirmTrust(screen)
  if (confirm === undefined) {
    const detail = 'There is no terminal to ask on: `codeband trust --yes` trusts the definitions as they are now.'
    throw new CodebandError('CB_USAGE', { detail })
  }
  if (!(await askForTrust(repository, bundled, confirm))) return 2
  screen.object({ hash, files, trusted: true })
  screen.line(`Trusted: ${files.join(', ') || 'the built-in roles'} (hash ${hash.slice(0, 12)})`)
  // What cannot be read is not in the hash either.
  for (const one of own.diagnostics)
    if (one.severity === 'error') screen.note(`Not in it, since it cannot be read: ${showDiagnostic(one)}`)
  return 0
}
