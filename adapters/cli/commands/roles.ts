import { inspectDefinitions } from '../../definitions/load.ts'
import { openRepository } from '../../repository.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { showRoles } from '../show-roles.ts'

/** `codeband roles`: what is there, who plays it, what it can reach, and every problem. Exit 2 when a problem is an error. */
export async function roles(
  { screen, cwd }: Cli,
  _positionals: readonly (string | undefined)[] = [],
  { graph = false }: { graph?: boolean } = {},
): Promise<ExitCode> {
  return showRoles(await inspectDefinitions(await openRepository(cwd)), screen, graph)
}
