import { execPath, versions } from 'node:process'
import { CodebandError } from '../../../core/errors.ts'
import { showDiagnostic } from '../../../core/role/diagnostic.ts'
import { provePairing } from '../../../core/runtime/roster.ts'
import { version } from '../../../core/version.ts'
import { inspectDefinitions } from '../../definitions/load.ts'
import { git } from '../../git.ts'
import { baseEnv, host } from '../../host.ts'
import { openRepository } from '../../repository.ts'
import { findSandbox, type SandboxMode } from '../../sandboxes/open.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { lookAtLanding } from './doctor-landing.ts'
import { lookAtLog } from './doctor-log.ts'

interface Check {
  name: string
  status: 'ok' | 'warn' | 'fail'
  found: string
  cure: string
}

/** `codeband doctor`: looks, changes nothing. Exit 2 when something would stop a band. */
export async function doctor({ screen, cwd }: Cli): Promise<ExitCode> {
  const checks: Check[] = [
    { name: 'codeband', status: 'ok', found: `${version} on Node ${versions.node} (${execPath})`, cure: '' },
  ]
  const look = async (name: string, act: () => Promise<Partial<Check> & { found: string }>): Promise<void> => {
    try {
      checks.push({ name, status: 'ok', cure: '', ...(await act()) })
    } catch (error) {
      if (!CodebandError.is(error)) throw error
      checks.push({ name, status: 'fail', found: error.code, cure: error.message })
    }
  }
  await look('git', async () => ({ found: await git({ gitDir: '/' }).text(['version']) }))
  await look('repository', async () => {
    const { root, home } = await openRepository(cwd)
    return { found: `${root}, state in ${home}` }
  })
  await look('log', () => lookAtLog(cwd))
  const repository = await openRepository(cwd).catch(() => undefined)
  if (repository) {
    const { diagnostics, trusted, config, roleMap } = await inspectDefinitions(repository)
    await look('definitions', async () => {
      const errors = diagnostics.filter(({ severity }) => severity === 'error')
      if (errors.length > 0)
        return {
          status: 'fail' as const,
          found: `${errors.length} problem(s)`,
          cure: errors.map(showDiagnostic).join('\n'),
        }
      return trusted
        ? { found: 'valid and trusted' }
        : { status: 'warn' as const, found: 'not trusted yet, so not run', cure: 'Read them, then: codeband trust' }
    })
    if (config) {
      await look('landing', () => lookAtLanding(repository, config))
      checks.push(...(await sandboxChecks(config.sandbox)))
      await look('opposition', async () => {
        if (Object.keys(config.frameworks).length === 0)
          return {
            status: 'fail' as const,
            found: 'no framework is configured',
            cure: 'name one in the configuration, or move it away: codeband init writes one with the clients that exist here',
          }
        provePairing(config, roleMap)
        if (config.review.opposition === 'waived')
          return {
            status: 'warn' as const,
            found: 'waived: the same family may review, and nothing lands without you',
            cure: 'Configure a framework of another family',
          }
        return { found: 'every product can be reviewed by an opposite family' }
      })
      for (const [name, framework] of Object.entries(config.frameworks)) {
        await look(`framework ${name}`, async () => {
          const env = { ...baseEnv(host()), ...pick(host().env, framework.env ?? []) }
          const result = await framework.check?.({ env, repo: repository.root })
          if (result === undefined) return { found: `family ${framework.family}` }
          const login = result.login === false ? ', no credentials seen' : ''
          return {
            status: result.ok ? (result.login === false ? 'warn' : 'ok') : 'fail',
            found: `${result.found} (family ${framework.family})${login}`,
            cure: result.cure,
          } as const
        })
      }
    }
  }
  const failed = checks.some(({ status }) => status === 'fail')
  screen.object({ ok: !failed, checks })
  for (const { name, status, found, cure } of checks) {
    const mark =
      status === 'ok'
        ? screen.paint.green('ok  ')
        : status === 'warn'
          ? screen.paint.yellow('warn')
          : screen.paint.red('FAIL')
    screen.line(`${mark}  ${name.padEnd(18)} ${found}`)
    if (status !== 'ok' && cure) screen.line(`      ${''.padEnd(18)} ${cure.replaceAll('\n', `\n${''.padEnd(25)}`)}`)
  }
  return failed ? 2 : 0
}

/** What the sandbox is, then each of its walls with what came of trying to get over it. */
async function sandboxChecks(mode: SandboxMode): Promise<Check[]> {
  const found = await findSandbox()
  const name = 'sandbox'
  const bad = mode === 'required' ? 'fail' : 'warn'
  const bare = mode === 'required' ? 'no command runs' : 'commands run unsandboxed'
  if ('missing' in found) {
    const cure = new CodebandError('CB_SANDBOX_MISSING', { detail: found.missing, cure: found.cure }).message
    return [{ name, status: bad, found: `bubblewrap ${found.missing}: ${bare} (mode '${mode}')`, cure }]
  }
  const walls = found.walls.map(
    (wall): Check => ({
      name: `  ${wall.name}`,
      status: wall.holds ? 'ok' : bad,
      found: wall.found,
      cure: '',
    }),
  )
  if ('leaks' in found) {
    const cure = `Replace it by an unchanged bubblewrap (Debian: apt install --reinstall bubblewrap)`
    return [{ name, status: bad, found: `${found.program} does not hold (mode '${mode}')`, cure }, ...walls]
  }
  if (mode === 'off') {
    const cure = "Write `sandbox: 'required'` in the configuration"
    return [{ name, status: 'warn', found: `none: ${bare} (mode 'off'), though bubblewrap works`, cure }]
  }
  const { program } = found.works
  return [
    { name, status: 'ok', found: `${program}, and a probe could not get out (mode '${mode}')`, cure: '' },
    ...walls,
  ]
}

function pick(env: Readonly<Record<string, string | undefined>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
