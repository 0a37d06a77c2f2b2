import type { Mutant } from './mutant.ts'
import { boundary } from './planted/boundary.ts'
import { cli } from './planted/cli.ts'
import { definitions } from './planted/definitions.ts'
import { git } from './planted/git.ts'
import { protocol } from './planted/protocol.ts'
import { runtime } from './planted/runtime.ts'
import { sandbox } from './planted/sandbox.ts'
import { store } from './planted/store.ts'

export const mutants: readonly Mutant[] = [
  ...protocol,
  ...runtime,
  ...store,
  ...boundary,
  ...git,
  ...sandbox,
  ...definitions,
  ...cli,
]
