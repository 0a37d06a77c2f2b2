// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source
import type { Mutant } from '../mutant.ts'

export const definitions: readonly Mutant[] = [
  {
    name: 'definitions run that nobody trusted',
    file: 'adapters/definitions/trust.ts',
    find: 'files.length === 0 || host().env.CODEBAND_TRUST === hash || isTrusted(home, hash)',
    replace: 'files.length >= 0 || host().env.CODEBAND_TRUST === hash || isTrusted(home, hash)',
    killers: ['test/adapters/definitions/trust.test.ts', 'test/cli/trust.test.ts'],
  },
  {
    name: 'a record of trust that others may write is believed',
    file: 'adapters/definitions/trust.ts',
    find: 'if ((mode & 0o022) !== 0 || uid !== (process.getuid?.() ?? uid)) return []',
    replace: 'if (uid !== (process.getuid?.() ?? uid)) return []',
    killers: ['test/adapters/definitions/trust.test.ts'],
  },
  {
    name: 'two who trust at once lose one',
    file: 'adapters/definitions/trust.ts',
    find: 'const unlock = await lock(`${fileOf(home)}.lock`)',
    replace: 'const unlock = async () => undefined',
    killers: ['test/adapters/definitions/trust.test.ts'],
  },
  {
    name: 'a bundle runs that is not the one with its hash',
    file: 'adapters/loaders/esbuild.ts',
    find: 'if (sha256(bundle.code) !== bundle.hash) {',
    replace: "if (bundle.hash === '') {",
    killers: ['test/adapters/loaders/esbuild.test.ts'],
  },
  {
    name: 'the order of the files changes the bundle',
    file: 'adapters/loaders/esbuild.ts',
    find: '.sort((a, b) => (a.name < b.name ? -1 : 1))\n',
    replace: '\n',
    killers: ['test/adapters/loaders/esbuild.test.ts'],
  },
]
