import { esbuildLoader } from '../../../adapters/loaders/esbuild.ts'
import { loaderContract } from '../../contracts/loader.ts'

loaderContract('esbuild', esbuildLoader)
