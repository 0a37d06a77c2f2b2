import { stripVTControlCharacters } from 'node:util'

/** How a runner says at its end that it ran no test, and how it says that it ran some. */
export interface Summary {
  runner: string
  none: RegExp
  some: RegExp
}

export const summaries: readonly Summary[] = [
  { runner: 'node --test', none: /^(?:ℹ|#) tests 0$/m, some: /^(?:ℹ|#) tests [1-9]\d*$/m },
  { runner: 'mocha', none: /^ *0 passing \(/m, some: /^ *[1-9]\d* (?:passing \(|failing$)/m },
  { runner: 'TAP', none: /^1\.\.0(?:\s|$)/m, some: /^(?:not )?ok \d+\b(?!.*# skip)/im },
  { runner: 'jest', none: /^No tests found, exiting with code 0$/m, some: /^Tests: .*\b[1-9]\d* (?:passed|failed)/m },
  {
    runner: 'vitest',
    none: /^No test files found, exiting with code 0$/m,
    some: /^ *Tests {2}.*\b[1-9]\d* (?:passed|failed)/m,
  },
  {
    runner: 'pytest',
    none: /^=* *no tests ran\b|^collected 0 items$/m,
    some: /^=* *(?:\d{1,9} [a-z]{1,20}, ){0,9}[1-9]\d{0,8} (?:passed|failed)\b.{0,200} in \d/m,
  },
  {
    runner: 'go test',
    none: /\[no test files\]$|\[no tests to run\]$/m,
    some: /^(?:ok|FAIL)[ \t]+\S+[ \t]+(?!.*\[no tests to run\])\S/m,
  },
  {
    runner: 'cargo test',
    none: /^test result: ok\. 0 passed;/m,
    some: /^test result: .*\b[1-9]\d* (?:passed|failed);/m,
  },
]

/** Whether the output of a command that ended with 0 says that no test ran. What says nothing of tests (a linter, a compiler) is green;
 *  and where several runners ran, it is enough that one of them ran a test. */
export function saysNoTestRan(output: string): boolean {
  const text = stripVTControlCharacters(output).replaceAll('\r', '')
  return summaries.some(({ none }) => none.test(text)) && !summaries.some(({ some }) => some.test(text))
}
