import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Import {
  from: string
  /** Repository-relative path, or the package's specifier. */
  to: string
  typeOnly: boolean
}

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules') && !file.startsWith('examples/01-first-band/project'))
    .sort()
}

const house = ['core', 'roles', 'adapters', '.agents', 'examples'].flatMap(filesOf)
const text = new Map(house.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const code = (file: string): string => text.get(file)!.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')

function importsOf(file: string): Import[] {
  const statements =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?([^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g
  return [...code(file).matchAll(statements)].map(([, type, , given, dynamic]) => {
    const specifier = given ?? dynamic!
    const to = specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : specifier
    return { from: file, to, typeOnly: type !== undefined }
  })
}

const imports = house.flatMap(importsOf)

/** Who may import whom: the first row whose folder holds the file decides. */
const table: { folder: string; allowed: RegExp; typesOnly?: RegExp }[] = [
  { folder: 'core/protocol/', allowed: /^core\/protocol\// },
  { folder: 'core/ports/', allowed: /^$/, typesOnly: /^core\/(ports|protocol|role)\// },
  {
    folder: 'core/boundary/',
    allowed: /^(core\/(boundary|role)\/|core\/protocol\/|node:path|picomatch$)/,
    typesOnly: /^core\/ports\//,
  },
  { folder: 'core/role/', allowed: /^(core\/role\/|core\/errors\.ts|zod$)/, typesOnly: /^core\/(ports|protocol)\// },
  {
    folder: 'core/runtime/',
    allowed:
      /^(core\/|node:(fs|fs\/promises|path|crypto|os|url|util|buffer|string_decoder|worker_threads|timers\/promises)$|zod$|saxes$)/,
  },
  { folder: 'core/', allowed: /^(core\/|zod$)/ },
  { folder: 'roles/', allowed: /^(codeband(\/.*)?|zod|node:.*)$/ },
  { folder: '.agents/', allowed: /^(codeband(\/.*)?|zod|node:.*|\.agents\/.*|[a-z@].*)$/ },
  { folder: 'examples/', allowed: /^(codeband(\/.*)?|zod|node:.*|examples\/.*)$/ },
  { folder: 'adapters/processes/', allowed: /^(adapters\/processes\/|core\/(errors|ports)|node:|execa$)/ },
  {
    folder: 'adapters/network/',
    allowed: /^(adapters\/(network|processes)\/|core\/(boundary|errors|ports)|node:|undici$)/,
    typesOnly: /^core\/runtime\//,
  },
  { folder: 'adapters/cli/', allowed: /./ },
  { folder: 'adapters/web/', allowed: /./ },
]

const kinds = ['frameworks', 'event-stores', 'workspaces', 'sandboxes', 'loaders', 'forges', 'trackers', 'transports']

/** Each library of the house and the one file (or folder of one command line) that imports it. */
const owners: Record<string, RegExp> = {
  execa: /^adapters\/processes\/process\.ts$/,
  'simple-git': /^adapters\/git\.ts$/,
  cosmiconfig: /^adapters\/definitions\/config-file\.ts$/,
  eventemitter3: /^adapters\/open-band\.ts$/,
  esbuild: /^adapters\/loaders\/esbuild\.ts$/,
  commander: /^adapters\/cli\/program\.ts$/,
  picocolors: /^adapters\/cli\/screen\.ts$/,
  picomatch: /^core\/boundary\/glob\.ts$/,
  pino: /^adapters\/logs\.ts$/,
  saxes: /^core\/runtime\/checks\/junit\.ts$/,
}

describe('the house', () => {
  for (const { folder, allowed, typesOnly } of table) {
    test(`${folder} imports only what it may`, () => {
      const first = (file: string): string | undefined => table.find((row) => file.startsWith(row.folder))?.folder
      const wrong = imports.filter(
        ({ from, to, typeOnly }) => first(from) === folder && !allowed.test(to) && !(typeOnly && typesOnly?.test(to)),
      )
      expect(wrong).toEqual([])
    })
  }

  for (const kind of kinds) {
    test(`adapters/${kind} import ports, the protocol, roles, the pure boundary, shared files of adapters/ and their own kind`, () => {
      const own = new RegExp(
        `^(core/(boundary|ports|protocol|role)/|core/(errors|version)\\.ts|adapters/[a-z-]+\\.ts|adapters/(processes|network|${kind})/|node:|[a-z@](?!ore/|dapters/))`,
      )
      const wrong = imports.filter(({ from, to }) => from.startsWith(`adapters/${kind}/`) && !own.test(to))
      expect(wrong).toEqual([])
    })
  }

  test('nothing imports the command line or the page', () => {
    const wrong = imports.filter(
      ({ from, to }) => /^adapters\/(cli|web)\//.test(to) && !/^adapters\/(cli|web)\//.test(from),
    )
    expect(wrong).toEqual([])
  })

  test('core reaches no vendor, no network and no child process', () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        from.startsWith('core/') &&
        /^(node:(child_process|net|http|https|http2|dns|tls|dgram)|execa|simple-git|ws|@)/.test(to),
    )
    expect(wrong).toEqual([])
  })

  test('the protocol has no clock, no randomness, no I/O and no throw', () => {
    const wrong = house
      .filter((file) => file.startsWith('core/protocol/'))
      .filter((file) =>
        /\b(Date\b|performance\.|Math\.random|crypto\.|process\.|setTimeout|setInterval|setImmediate|fetch\(|throw\b|async\b|await\b|localeCompare|toLocale)/.test(
          code(file),
        ),
      )
    expect(wrong).toEqual([])
  })

  test('each library has its one place', () => {
    const wrong = imports.filter(({ from, to }) => owners[to] !== undefined && !owners[to].test(from))
    expect(wrong).toEqual([])
  })

  test('each vendor SDK is imported by exactly one file', () => {
    for (const sdk of ['@anthropic-ai/claude-agent-sdk', '@modelcontextprotocol/sdk']) {
      const users = new Set(
        imports.filter(({ to, typeOnly }) => to.startsWith(sdk) && !typeOnly).map(({ from }) => from),
      )
      expect([...users].length, sdk).toBeLessThanOrEqual(1)
    }
  })

  test('no file is over 400 lines', () => {
    expect(house.filter((file) => text.get(file)!.split('\n').length > 401)).toEqual([])
  })

  test('no export *, no dumping grounds', () => {
    expect(house.filter((file) => /^export \*/m.test(code(file)))).toEqual([])
    expect(
      house.filter((file) =>
        /(^|\/)(utils?|helpers?|misc|common|types|constants|services|managers)(\.ts|\/)/.test(file),
      ),
    ).toEqual([])
  })

  test('export default stands only in role, tool and configuration files', () => {
    expect(
      house.filter((file) => /^export default/m.test(code(file)) && !/^(roles|\.agents|examples)\//.test(file)),
    ).toEqual([])
  })

  test('no import with a side effect', () => {
    expect(house.filter((file) => /^\s*import\s+['"]/m.test(code(file)))).toEqual([])
  })

  test('the environment of the process is read in one file', () => {
    expect(house.filter((file) => /process\.env\b/.test(code(file)))).toEqual(['adapters/host.ts'])
  })

  test("a file is synced in the one way that Yarn's Plug'n'Play knows too", () => {
    expect(house.filter((file) => /\.(data)?sync\(\)/.test(code(file)))).toEqual([])
  })

  test('every kind of adapter has a contract suite', () => {
    const suites = readdirSync(join(root, 'test/contracts')).map((file) => file.replace(/\.ts$/, ''))
    const missing = kinds
      .filter((kind) => house.some((file) => file.startsWith(`adapters/${kind}/`)))
      .filter(
        (kind) =>
          !suites.includes(kind.replace(/(x)?es$/, '$1').replace(/s$/, '')) &&
          !suites.includes(kind.replace(/s$/, '')) &&
          !suites.includes(kind),
      )
    expect(missing).toEqual([])
  })
})
