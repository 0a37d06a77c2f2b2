import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { bundleDefinitions } from '../../../adapters/definitions/bundle.ts'
import { inspectDefinitions, loadDefinitions } from '../../../adapters/definitions/load.ts'
import { trust } from '../../../adapters/definitions/trust.ts'
import { warmListing } from '../../../adapters/definitions/warm-listing.ts'
import { openRepository, type Repository } from '../../../adapters/repository.ts'
import { cli, cliEnv } from '../../scene/cli.ts'
import { personsGit, repositoryOf } from '../../scene/place.ts'

const role = (id: string, description: string, imports = ''): string =>
  `import { defineRole } from 'codeband'\n${imports}export default defineRole({ id: '${id}', description: ${description}, tools: ['read_files'] })\n`

const config = `import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'
const framework = (id: string, family: string) => scripted({ id, family, script: 'none.json' })
export default defineConfig({
  frameworks: { claude: framework('claude', 'anthropic'), codex: framework('codex', 'openai') },
  workers: { planner: { claude: 1 } },
})
`

const files = {
  'codeband.config.ts': config,
  'tsconfig.json': '{ "extends": "./base" }\n',
  'base.json': '{}\n',
  '.agents/scribe.ts': role('scribe', "'Writes.'"),
  '.agents/reader.ts': role(
    'reader',
    'says + told.say + far + near',
    "import { says } from './words.js'\nimport told from './told.json'\nimport { far } from '../lib/far'\nimport { near } from 'near'\n",
  ),
  '.agents/words.ts': "export const says = 'Reads.'\n",
  '.agents/told.json': '{ "say": " Tells." }\n',
  '.agents/tools/count.ts':
    "import { defineTool, z } from 'codeband'\nexport default defineTool({ name: 'count', description: 'Counts.', input: z.object({}), run: async () => 1 })\n",
  'lib/far.ts': "export const far = ' Far.'\n",
  'node_modules/near/package.json': '{ "name": "near", "main": "./index.js" }\n',
  '.agents/node_modules/other/index.js': '',
  'node_modules/near/index.js': "export const near = ' Near.'\n",
}

/** As long as a change counts as not over, and a little more. */
const settle = () => sleep(2_100)

interface Place {
  at: string
  repo: string
  home: string
  repository: Repository
}

/** Where everything lies: the person's home, with a role of their own. */
let at: string
/** A trusted repository, loaded since the last change; each test leaves it as it was. */
let one: Place

function surroundings(): void {
  vi.stubEnv('HOME', at)
  vi.stubEnv('XDG_STATE_HOME', join(at, 'state'))
}

/** A trusted repository; nothing of it was loaded yet. */
async function trusted(name: string, given: Readonly<Record<string, string>>): Promise<Place> {
  const repo = repositoryOf(join(at, name), given)
  const repository = await openRepository(repo)
  await trust(repository.home, (await bundleDefinitions(repository)).hash)
  return { at, repo, home: repository.home, repository }
}

beforeAll(async () => {
  at = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-test-'))
  surroundings()
  mkdirSync(join(at, '.agents'))
  writeFileSync(join(at, '.agents', 'own.ts'), role('own', "'Mine.'"))
  one = await trusted('one', files)
  await settle()
  await inspectDefinitions(one.repository)
})
beforeEach(surroundings)
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => rmSync(at, { recursive: true, force: true, maxRetries: 3 }))

const isWarm = async ({ repository }: Place) => (await bundleDefinitions(repository)).warm !== undefined
const isListed = async ({ repo }: Place) => (await warmListing(repo)) !== undefined
const both = async (one: Place) => [await isWarm(one), await isListed(one)]
const recordIn = ({ home }: Place) => join(home, 'roles', 'warm.json')

describe('a load where nothing has changed', () => {
  test('gives what a cold one gives: the bundles, the trust they need and the listing', async () => {
    rmSync(recordIn(one))
    const cold = await bundleDefinitions(one.repository)
    const first = await inspectDefinitions(one.repository)
    const warm = await bundleDefinitions(one.repository)
    expect(cold.warm).toBeUndefined()
    expect(warm.warm).toBeDefined()
    for (const key of ['hash', 'definitions', 'files', 'configFile', 'configData', 'configText'] as const) {
      expect(warm[key], key).toEqual(cold[key])
    }
    for (const key of ['own', 'builtin'] as const) {
      const { hash, code, inputs, diagnostics } = cold[key]
      expect(warm[key], key).toEqual({ hash, code, inputs, diagnostics })
    }
    const { roles, diagnostics, trusted: runs } = first
    expect(roles.map(({ id }) => id)).toEqual(expect.arrayContaining(['scribe', 'reader', 'own', 'planner']))
    expect(await warmListing(one.repo)).toEqual(JSON.parse(JSON.stringify({ roles, diagnostics, trusted: runs })))
    expect((await inspectDefinitions(one.repository)).roles).toEqual(roles)
    expect((await loadDefinitions(one.repository)).policy.definitions).toBe(cold.definitions)
  })

  test('is found from any folder of the repository and from a linked worktree, not through what looks like a repository', async () => {
    mkdirSync(join(one.repo, 'deep/er'), { recursive: true })
    expect(await warmListing(join(one.repo, 'deep/er'))).toBeDefined()
    personsGit(one.repo, 'init', '-q', '--bare', join(one.repo, 'deep'))
    expect(await warmListing(join(one.repo, 'deep/er'))).toBeUndefined()
    rmSync(join(one.repo, 'deep'), { recursive: true })

    const other = join(at, 'other')
    personsGit(one.repo, 'worktree', 'add', '-q', '-b', 'other', other)
    const linked = await openRepository(other)
    expect(await warmListing(other)).toBeUndefined()
    await trust(linked.home, (await bundleDefinitions(linked)).hash)
    await settle()
    await inspectDefinitions(linked)
    expect(await warmListing(other)).toMatchObject({ trusted: true })
  })

  test('needs no git, no bundler, no schemas and no parser of the command line to list the roles', async () => {
    const house = fileURLToPath(new URL('../../..', import.meta.url))
    const hook = join(at, 'hook.mjs')
    writeFileSync(
      hook,
      "import { registerHooks } from 'node:module'\nconst seen = []\nregisterHooks({ load(url, context, next) { seen.push(url); return next(url, context) } })\nprocess.on('exit', () => console.error(seen.filter((url) => !url.startsWith('data:')).join('\\n')))\n",
    )
    const tsx = pathToFileURL(join(house, 'node_modules/tsx/dist/esm/index.mjs')).href
    const list = () =>
      spawnSync(
        process.execPath,
        ['--import', tsx, '--import', pathToFileURL(hook).href, join(house, 'adapters/cli/main.ts'), 'roles', '--json'],
        { cwd: one.repo, env: cliEnv(at), encoding: 'utf8' },
      )
    rmSync(recordIn(one))
    const cold = list()
    const warm = list()
    expect(cold.status, cold.stderr).toBe(0)
    expect(JSON.parse(warm.stdout)).toEqual(JSON.parse(cold.stdout))
    const heavy = /node_modules\/(esbuild|zod|simple-git|execa|commander|cosmiconfig)\/|child_process/
    expect(cold.stderr).toMatch(heavy)
    expect(warm.stderr).toContain('warm-listing.ts')
    expect(warm.stderr).not.toMatch(heavy)
  })
})

/** What a person does to a file; gives how to take it back. */
type Edit = (one: Place) => () => void

const rewriting =
  (path: string, change: (text: string) => string): Edit =>
  ({ repo }) => {
    const file = join(repo, path)
    const before = readFileSync(file, 'utf8')
    const after = change(before)
    expect(after).not.toBe(before)
    writeFileSync(file, after)
    return () => writeFileSync(file, before)
  }
const adding =
  (path: string, text: string): Edit =>
  ({ repo }) => {
    const made = mkdirSync(dirname(join(repo, path)), { recursive: true })
    writeFileSync(join(repo, path), text)
    return () => rmSync(made ?? join(repo, path), { recursive: true })
  }
const moving =
  (from: string, to: string, linked = false): Edit =>
  ({ repo }) => {
    renameSync(join(repo, from), join(repo, to))
    if (linked) symlinkSync(to, join(repo, from))
    return () => renameSync(join(repo, to), join(repo, from))
  }
/** `place` gives the scribe's file another text or another nature. */
const replacing =
  (change: (file: string, other: string) => void): Edit =>
  ({ repo, at }) => {
    const file = join(repo, '.agents/scribe.ts')
    const before = readFileSync(file, 'utf8')
    const { atime, mtime } = statSync(file)
    const other = join(at, 'other.ts')
    writeFileSync(other, before.replace('Writes.', 'Riters.'))
    utimesSync(other, atime, mtime)
    change(file, other)
    return () => {
      rmSync(file)
      writeFileSync(file, before)
    }
  }

const edits: Readonly<Record<string, Edit>> = {
  'a role, in as many bytes and with the date it had': replacing((file, other) => {
    const { atime, mtime } = statSync(file)
    writeFileSync(file, readFileSync(other))
    utimesSync(file, atime, mtime)
  }),
  'a role, by another file in its place with its date and size': replacing((file, other) => renameSync(other, file)),
  'a role that becomes a link to another text': replacing((file, other) => {
    rmSync(file)
    symlinkSync(other, file)
  }),
  'a role that becomes a link to the same text elsewhere': replacing((file, other) => {
    renameSync(file, other)
    symlinkSync(other, file)
  }),
  'a role that is new': adding('.agents/late.ts', role('late', "'Comes late.'")),
  'a role that goes': moving('.agents/scribe.ts', 'scribe.ts'),
  'a role under another name': moving('.agents/scribe.ts', '.agents/writer.ts'),
  'the folder of the roles': moving('.agents', 'agents'),
  'what a role imports': rewriting('.agents/words.ts', (text) => text.replace('Reads', 'Sees')),
  'what a role imports from outside of the folder': rewriting('lib/far.ts', (text) => text.replace('Far', 'Off')),
  'data that a role imports': rewriting('.agents/told.json', (text) => text.replace('Tells', 'Says')),
  'what a role imports, by a file that goes before it': adding('.agents/words.js', "export const says = 'Hears.'\n"),
  'what a role imports from outside, by a file that goes before it': adding('lib/far.tsx', "export const far = ''\n"),
  'a package': rewriting('node_modules/near/index.js', (text) => text.replace('Near', 'Next')),
  'the manifest of a package': rewriting('node_modules/near/package.json', (text) =>
    text.replace('./index', './other'),
  ),
  'a package, by one that is nearer': adding('.agents/node_modules/near/index.js', "export const near = 'nearest'\n"),
  'a package, by a package manager that keeps none in folders': adding('.pnp.cjs', ''),
  'a tool': rewriting('.agents/tools/count.ts', (text) => text.replace('Counts', 'Adds')),
  'a tool that is new': adding('.agents/tools/late.ts', 'export default {}\n'),
  'a file that nobody loads': adding('.agents/lost.mjs', 'export const lost = 1\n'),
  'a file in a folder that nobody looks for': adding('.agents/more/lost.ts', 'export const lost = 1\n'),
  'the configuration': rewriting('codeband.config.ts', (text) => text.replace('claude: 1', 'claude: 2')),
  'the configuration, by a link to the same text elsewhere': moving('codeband.config.ts', 'config.ts', true),
  'the configuration that goes': moving('codeband.config.ts', 'config.ts'),
  'a configuration that is new': adding('codeband.config.yaml', 'checks: []\n'),
  'a configuration in the manifest': adding('package.json', '{ "codeband": {} }\n'),
  'the settings of TypeScript': rewriting('tsconfig.json', () => '{ "compilerOptions": { "jsx": "preserve" } }\n'),
  'settings that those of TypeScript extend': rewriting('base.json', () => '{ "compilerOptions": {} }\n'),
  'settings of TypeScript that are nearer': adding('.agents/tsconfig.json', '{}\n'),
  "a person's own role": rewriting('../.agents/own.ts', (text) => text.replace('Mine', 'Yours')),
  "a person's own role that is new": adding('../.agents/late.ts', role('late', "'Comes late.'")),
}

describe('an edit is always seen', () => {
  test('of whatever plays a part; taken back, nothing has changed', async () => {
    expect(await both(one)).toEqual([true, true])
    for (const [name, edit] of Object.entries(edits)) {
      const takeBack = edit(one)
      // An error in what a person wrote has been seen as well.
      const warm = await isWarm(one).catch(() => false)
      expect([warm, await isListed(one)], name).toEqual([false, false])
      takeBack()
      expect(await both(one), `${name}, taken back`).toEqual([true, true])
    }
  })

  test('while the moment of a change is not over nothing is kept, whatever date a file has and even if it is gone', async () => {
    const two = await trusted('two', { 'package.json': '{}', '.agents/scribe.ts': role('scribe', "'Another.'") })
    const old = new Date(Date.now() - 86_400_000)
    utimesSync(join(two.repo, '.agents/scribe.ts'), old, old)
    await inspectDefinitions(two.repository)
    expect(await both(two)).toEqual([false, false])
    await settle()
    await inspectDefinitions(two.repository)
    expect(await both(two)).toEqual([true, true])
    expect((await warmListing(two.repo))?.roles).toContainEqual(expect.objectContaining({ description: 'Another.' }))

    rmSync(join(two.repo, 'package.json'))
    await inspectDefinitions(two.repository)
    expect(await both(two)).toEqual([false, false])
  })

  test('of the surroundings too: home, place of state, search path of modules, and what is trusted', async () => {
    const { hash } = await bundleDefinitions(one.repository)
    for (const [name, value] of [
      ['HOME', one.repo],
      ['CODEBAND_HOME', join(at, 'elsewhere')],
      ['XDG_STATE_HOME', join(at, 'elsewhere')],
      ['NODE_PATH', join(at, 'elsewhere')],
    ] as const) {
      const before = process.env[name]
      vi.stubEnv(name, value)
      expect(await isListed(one), name).toBe(false)
      vi.stubEnv(name, before)
      expect(await isListed(one), name).toBe(true)
    }
    renameSync(join(one.home, 'trusted.json'), join(one.home, 'gone.json'))
    expect(await isListed(one)).toBe(false)
    expect((await inspectDefinitions(one.repository)).trusted).toBe(false)
    await expect(loadDefinitions(one.repository)).rejects.toMatchObject({ code: 'CB_UNTRUSTED' })
    vi.stubEnv('CODEBAND_TRUST', hash)
    expect(await isListed(one)).toBe(true)
    vi.stubEnv(
      'CODEBAND_TRUST',
      hash.replace(/^./, (first) => (first === '0' ? '1' : '0')),
    )
    expect(await isListed(one)).toBe(false)
    renameSync(join(one.home, 'gone.json'), join(one.home, 'trusted.json'))
    expect(await isListed(one)).toBe(true)
  })

  test('of the repository itself: what git might no longer take for one is not listed', async () => {
    const breaking: Readonly<Record<string, Edit>> = {
      'its branch': rewriting('.git/HEAD', () => 'nowhere\n'),
      'its branch, by a pipe that nobody writes to': ({ repo }) => {
        const takeBack = moving('.git/HEAD', '.git/gone')(one)
        execFileSync('mkfifo', [join(repo, '.git/HEAD')])
        return takeBack
      },
      'its settings': ({ repo }) => {
        const before = readFileSync(join(repo, '.git/config'), 'utf8')
        appendFileSync(join(repo, '.git/config'), '[core]\n\trepositoryformatversion = 99\n')
        return () => writeFileSync(join(repo, '.git/config'), before)
      },
      'its objects': moving('.git/objects', '.git/gone'),
      'all of it': moving('.git', 'gone'),
    }
    for (const [name, edit] of Object.entries(breaking)) {
      const takeBack = edit(one)
      expect(await isListed(one), name).toBe(false)
      takeBack()
      expect(await isListed(one), `${name}, taken back`).toBe(true)
    }
  })
})

describe('what was kept is never believed when it is damaged', () => {
  test('the record: cut off, altered, without its hash, or open to others', async () => {
    const file = recordIn(one)
    const before = readFileSync(file, 'utf8')
    const broken = {
      empty: '',
      'cut off': before.slice(0, before.length >> 1),
      'altered by a word': before.replace('Writes.', 'Riters.'),
      'without its hash': before.slice(before.indexOf('\n') + 1),
      'no JSON': 'x\ny',
    }
    for (const [name, text] of Object.entries(broken)) {
      writeFileSync(file, text)
      expect(await both(one), name).toEqual([false, false])
    }
    writeFileSync(file, before)
    chmodSync(file, 0o666)
    expect(await both(one)).toEqual([false, false])
    chmodSync(file, 0o600)
    expect(await both(one)).toEqual([true, true])
  })

  test('a bundle: it is made anew, and what was altered never runs', async () => {
    const { own, builtin } = await bundleDefinitions(one.repository)
    for (const { hash, code } of [own, builtin]) {
      const file = join(one.home, 'roles', `${hash}.mjs`)
      for (const text of [`globalThis.forged = true\n${code}`, '', undefined]) {
        if (text === undefined) rmSync(file)
        else writeFileSync(file, text)
        expect(await isWarm(one)).toBe(false)
        const { roles } = await inspectDefinitions(one.repository)
        expect(roles.map(({ id }) => id)).toContain('scribe')
        expect(readFileSync(file, 'utf8')).toBe(code)
      }
    }
    expect(globalThis).not.toHaveProperty('forged')
    expect(await both(one)).toEqual([true, true])
  })

  test('several processes at once leave one whole record and no drafts', async () => {
    await settle()
    rmSync(recordIn(one))
    const list = () => cli(one.repo, ['roles', '--json'], cliEnv(at))
    const told = await Promise.all([list(), list(), list()])
    expect(new Set(told.map(({ code, stdout }) => `${code} ${stdout}`)).size).toBe(1)
    expect(JSON.parse(told[0].stdout).roles.map(({ id }: { id: string }) => id)).toContain('scribe')
    // The record is whole: the next one believes it and says the same.
    expect((await list()).stdout).toBe(told[0].stdout)
    const left = readdirSync(join(one.home, 'roles'))
    expect(left.filter((name) => !/^(warm\.json|[0-9a-f]{64}\.(mjs|json))$/.test(name))).toEqual([])
  })
})

describe('not everything is kept', () => {
  test('not what has an error or is not trusted; what looks at the world, and what is wrong, is run and told each time', async () => {
    vi.stubEnv('SAYS', 'One.')
    const broken = await trusted('broken', { '.agents/broken.ts': 'export default {\n' })
    const open = await trusted('open', { '.agents/scribe.ts': role('scribe', 'process.env.SAYS') })
    const wrong = await trusted('wrong', { '.agents/scribe.ts': role('scribe', '7') })
    const strange = await trusted('strange', { '.agents/scribe.ts': role('scribe', "'Writes.'") })
    rmSync(join(strange.home, 'trusted.json'))
    await settle()
    for (const { repository } of [broken, open, wrong, strange]) await inspectDefinitions(repository)
    expect(await both(broken)).toEqual([false, false])
    expect(await both(open)).toEqual([true, false])
    expect(await both(wrong)).toEqual([true, false])
    expect(readdirSync(strange.home)).toEqual([])

    vi.stubEnv('SAYS', 'Two.')
    expect(await isListed(open)).toBe(false)
    const { diagnostics } = await inspectDefinitions(wrong.repository)
    expect(diagnostics).toContainEqual(expect.objectContaining({ severity: 'error', file: '.agents/scribe.ts' }))
  })

  test('what cannot be told from the files is asked of the bundler each time', async () => {
    const near = "import { near } from 'near'\nexport default near\n"
    const tells = async (name: string, given: Readonly<Record<string, string>>) => {
      const repo = repositoryOf(join(at, name), { ...files, '.agents/near.ts': near, ...given })
      return (await bundleDefinitions(await openRepository(repo))).paths !== undefined
    }
    expect(await tells('plain', { 'tsconfig.json': '{}' })).toBe(true)
    const paths = '{ "compilerOptions": { "paths": { "near": ["./lib/far"] } } }'
    expect(await tells('mapped', { 'tsconfig.json': paths })).toBe(false)
    expect(await tells('mapped-above', { 'tsconfig.json': '{ "extends": "./base.json" }', 'base.json': paths })).toBe(
      false,
    )
    expect(await tells('lost', { 'tsconfig.json': '{ "extends": "nowhere" }' })).toBe(false)
  })
})
