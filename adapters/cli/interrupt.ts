import { CodebandError } from '../../core/errors.ts'
import type { Band } from '../open-band.ts'
import type { ExitCode } from './exit.ts'
import type { Screen } from './screen.ts'

/** Runs `work` and closes the band after it. Ctrl-C closes it first: what runs is recorded as stopped, and `codeband resume` goes on.
 *  `screen`: says so; none where nobody can resume it. */
export async function untilInterrupted(
  screen: Screen | undefined,
  band: Band,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  let interrupted = false
  const stop = (): void => {
    if (interrupted) process.exit(130)
    interrupted = true
    void band.close()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    const code = await work()
    return interrupted ? 130 : code
  } catch (error) {
    // Closed between two of its steps, or a terminal sent Ctrl-C to our git as well.
    if (!interrupted || !(CodebandError.is(error, 'CB_BAND_CLOSED') || CodebandError.is(error, 'CB_GIT'))) throw error
    screen?.note('Stopped: `codeband resume` goes on.')
    return 130
  } finally {
    await band.close()
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
