import { splitCommand } from '../../../core/boundary/command.ts'

/** A check that names its tests, for a runner that is plainly known. */
export interface ReportingCheck {
  command: string[]
  report: string
}

const report = 'reports/junit.xml'

/** How a package manager starts a program of the project's own dependencies. */
const starts: Readonly<Record<string, readonly string[]>> = {
  npm: ['npx'],
  pnpm: ['pnpm', 'exec'],
  yarn: ['yarn', 'run'],
  bun: ['bun', 'x'],
}

/** The test script of a package.json as a check with a report; undefined where the runner, or how it is started, is not plain. */
export function reportingScript(
  manager: string,
  script: string,
  dependencies: Readonly<Record<string, unknown>>,
): ReportingCheck | undefined {
  const words = splitCommand(script)
  if ('problem' in words) return undefined
  const [program, ...rest] = words.argv
  const own = [...(starts[manager] ?? []), program!]
  if (program === 'vitest') {
    const given = rest.filter((word) => word !== 'run' && word !== '--run')
    return {
      command: [...own, 'run', ...given, '--reporter=default', '--reporter=junit', `--outputFile.junit=${report}`],
      report,
    }
  }
  if (program === 'node' && rest.includes('--test')) {
    const at = rest.indexOf('--test') + 1
    const reporters = ['spec', 'stdout', 'junit', report].map(
      (word, index) => `--test-reporter${index % 2 === 1 ? '-destination' : ''}=${word}`,
    )
    return { command: ['node', ...rest.slice(0, at), ...reporters, ...rest.slice(at)], report }
  }
  if (program === 'jest' && 'jest-junit' in dependencies)
    return { command: [...own, ...rest, '--reporters=default', '--reporters=jest-junit'], report: 'junit.xml' }
  return undefined
}

/** The same for a file by which a Python project is known, such as its pyproject.toml. */
export function reportingPython(project: string): ReportingCheck | undefined {
  return /\bpytest\b/.test(project) ? { command: ['pytest', `--junitxml=${report}`], report } : undefined
}
