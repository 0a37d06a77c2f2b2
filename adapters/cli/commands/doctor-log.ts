import { fileSystemConcern, versionConcern, walBytes } from '../../event-stores/sqlite/surroundings.ts'
import { openRepositoryLog } from '../../repository-log.ts'

export interface LogFindings {
  status: 'ok' | 'warn' | 'fail'
  found: string
  cure: string
}

/** Looks at every event of the log, its bodies too, and at what the log stands on. CB_LOG_DAMAGED names the place. */
export async function lookAtLog(cwd: string): Promise<LogFindings> {
  const { leader, remarks, file, sqliteVersion, check, close } = await openRepositoryLog({ cwd })
  try {
    const events = await check()
    const led = leader ? `, led by ${leader}` : ''
    const found = `${events} events, chain and bodies unbroken${led}; WAL ${Math.ceil(walBytes(file) / 1024)} KiB`
    const concerns = [
      fileSystemConcern(file),
      versionConcern(sqliteVersion),
      ...remarks.map((told) => ({
        status: 'warn' as const,
        found: told,
        cure: 'It is not needed: the log itself is whole',
      })),
    ].filter((one) => one !== undefined)
    if (concerns.length === 0) return { status: 'ok', found, cure: '' }
    return {
      status: concerns.some(({ status }) => status === 'fail') ? 'fail' : 'warn',
      found: [found, ...concerns.map((one) => one.found)].join('; '),
      cure: concerns.map(({ cure }) => cure).join('. '),
    }
  } finally {
    await close()
  }
}
