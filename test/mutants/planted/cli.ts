import type { Mutant } from '../mutant.ts'

export const cli: readonly Mutant[] = [
  {
    name: 'a task that waits for a person counts as done',
    file: 'adapters/cli/exit.ts',
    find: "return parked === 'infrastructure' ? 6 : 3",
    replace: "return parked === 'infrastructure' ? 6 : 0",
    killers: ['test/cli/approvals.test.ts > a change above the policy parks'],
  },
  {
    name: 'wrong configuration counts as a failed task',
    file: 'adapters/cli/exit.ts',
    find: 'return infrastructure.includes(error.code) ? 6 : 2',
    replace: 'return infrastructure.includes(error.code) ? 6 : 1',
    killers: ['test/cli/bad-input.test.ts > no git repository'],
  },
]
