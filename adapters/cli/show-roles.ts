import { type Diagnostic, showDiagnostic } from '../../core/role/diagnostic.ts'
import { showReach } from '../../core/role/reach.ts'
import type { RoleSummary } from '../definitions/role-summary.ts'
import { warmListing } from '../definitions/warm-listing.ts'
import type { ExitCode } from './exit.ts'
import { mermaidOf, treeOf } from './role-graph.ts'
import type { Screen } from './screen.ts'

/** `codeband roles` where it was asked before and nothing has changed since; undefined otherwise. */
export async function showWarmRoles(cwd: string, screen: Screen, graph: boolean): Promise<ExitCode | undefined> {
  const listing = await warmListing(cwd)
  return listing && showRoles(listing, screen, graph)
}

/** Every role and every problem. Exit 2 when a problem is an error. */
export function showRoles(
  {
    roles: all,
    diagnostics,
    trusted,
  }: { roles: readonly RoleSummary[]; diagnostics: readonly Diagnostic[]; trusted: boolean },
  screen: Screen,
  graph: boolean,
): ExitCode {
  screen.object({ roles: all, diagnostics, trusted })
  if (graph) screen.line(process.stdout.isTTY ? treeOf(all) : mermaidOf(all))
  else for (const role of all) show(role, screen)
  if (!trusted) {
    screen.note(
      'The definitions of this repository are not trusted yet: nothing of them was run, so only what their text and bundling tell is checked. `codeband trust` trusts them.',
    )
  }
  for (const diagnostic of diagnostics) screen.note(showDiagnostic(diagnostic))
  return diagnostics.some(({ severity }) => severity === 'error') ? 2 : 0
}

function show(role: RoleSummary, { line, paint }: Screen): void {
  const { id, description, source, replaces, tools, optionalTools, produces, reviewedBy, spawnableRoles } = role
  line(`${paint.bold(id)}  ${paint.dim(replaces ? `${source} (replaces the one that ships)` : source)}`)
  line(`    ${description}`)
  if (produces) line(`    makes a ${produces}${reviewedBy ? `, reviewed by ${reviewedBy} of the opposite family` : ''}`)
  if (tools.length > 0 || spawnableRoles.length === 0) line(`    tools: ${tools.join(', ') || 'none'}`)
  if (optionalTools.length > 0) line(`    its generator may add ${optionalTools.join(', ')}`)
  if (spawnableRoles.length > 0) line(`    spawns ${spawnableRoles.join(', ')}`)
  for (const reached of showReach(id, role.reach)) line(`    ${reached}`)
  for (const { framework, family, model, effort, workers } of role.models) {
    const how = [family, model, effort && `effort ${effort}`, workers > 0 ? `${workers} worker(s)` : 'on demand']
    line(`    played by ${framework} (${how.filter(Boolean).join(', ')})`)
  }
  for (const [author, judges] of Object.entries(role.pairing?.families ?? {})) {
    line(`    work of ${author} is reviewed by ${judges.join(' or ') || 'nobody'}`)
  }
}
