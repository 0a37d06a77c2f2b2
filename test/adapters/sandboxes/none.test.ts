import { none } from '../../../adapters/sandboxes/none.ts'
import { sandboxContract } from '../../contracts/sandbox.ts'

sandboxContract('none', async (limits) => none(limits), { walls: false })
