import type { Mutant } from './mutant.ts'
import { protocol } from './planted/protocol.ts'

export const mutants: readonly Mutant[] = [...protocol]
