import { showDiagnostic } from '../../../core/role/diagnostic.ts'
import { inspectDefinitions } from '../../load-definitions.ts'
import { openRepository } from '../../repository.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'

/** `codeband roles`: what is there, who plays it, and every problem. Exit 2 when a problem is an error. */
export async function roles({ screen, cwd }: Cli): Promise<ExitCode> {
  const repository = await openRepository(cwd)
  const { roles: all, diagnostics, trusted } = await inspectDefinitions(repository)
  screen.object({ roles: all, diagnostics, trusted })
  for (const { id, description, source, tools, produces, reviewedBy, spawnableRoles, playedBy } of all) {
    screen.line(`${screen.paint.bold(id)}  ${screen.paint.dim(source)}`)
    screen.line(`    ${description}`)
    if (produces)
      screen.line(`    makes a ${produces}${reviewedBy ? `, reviewed by ${reviewedBy} of the opposite family` : ''}`)
    if (tools.length > 0 || spawnableRoles.length === 0) screen.line(`    tools: ${tools.join(', ') || 'none'}`)
    if (spawnableRoles.length > 0) screen.line(`    spawns ${spawnableRoles.join(', ')}`)
    if (playedBy.length > 0) screen.line(`    played by ${playedBy.join(', ')}`)
  }
  if (!trusted)
    screen.note(
      'The definitions of this repository are not trusted yet: nothing of them was run. `codeband trust` trusts them.',
    )
  for (const diagnostic of diagnostics) screen.note(showDiagnostic(diagnostic))
  return diagnostics.some(({ severity }) => severity === 'error') ? 2 : 0
}
