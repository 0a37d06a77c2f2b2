import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run } from '../../adapters/processes/process.ts'
import { alternate, compared, type Measure } from './measure.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))

export const roleFile = (n: number): string => `import { defineRole, z } from 'codeband'

export default defineRole({
  id: 'role-${n}',
  description: 'One of many.',
  input: z.object({ topic: z.string(), files: z.array(z.string()).default([]) }),
  output: z.object({ text: z.string() }),
  tools: ['list_files', 'search_codebase', 'read_files', { name: 'run_command', allowedCommands: ['npm run lint'] }],
  systemPrompt: 'You explain code to a new colleague: short, exact, with the files to read.',
  userPrompt: 'Explain {{topic}} in {{files}}.',
})
`

const aims: Readonly<Record<string, string>> = {
  'cold 100': 'at most 1 times',
  'warm 100': 'under 0.2 times',
  'listed 100': 'under 0.2 times',
}

/** Milliseconds of a whole process that loads the roles of a folder in one way. */
async function timeOf(argv: readonly string[], cwd: string): Promise<number> {
  const started = performance.now()
  const { exitCode, output } = await run([join(house, 'node_modules/.bin/node'), '--no-warnings', ...argv], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: dirname(cwd), XDG_STATE_HOME: join(dirname(cwd), 'state') },
    timeoutMs: 60_000,
    maxOutput: 10_000,
  })
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${output}`)
  return performance.now() - started
}

/** Loading 10 and 100 roles in a fresh process, bundled, from what was kept, or only listed from it, beside plain `import()`, tsx and
 *  reading the files. */
export async function loadRolesBench(): Promise<Measure[]> {
  const rows: Measure[] = []
  for (const count of [10, 100]) {
    const room = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-bench-'))
    const place = join(room, 'repo')
    try {
      const folder = join(place, '.agents')
      mkdirSync(folder, { recursive: true })
      // `codeband` as an installed package would be found: plain import and tsx have nothing else to go by.
      const packages = join(place, 'node_modules/codeband')
      mkdirSync(packages, { recursive: true })
      writeFileSync(join(packages, 'package.json'), '{"name":"codeband","type":"module","exports":"./index.js"}')
      writeFileSync(
        join(packages, 'index.js'),
        `export * from ${JSON.stringify(pathToFileURL(join(house, 'dist/adapters/index.js')).href)}\n`,
      )
      const files = Array.from({ length: count }, (_, n) => join(folder, `role-${n}.ts`))
      for (const [n, file] of files.entries()) writeFileSync(file, roleFile(n))
      const list = JSON.stringify(files.map((file) => pathToFileURL(file).href))
      const script = (name: string, text: string): string => {
        writeFileSync(join(place, name), text)
        return join(place, name)
      }
      const read = script(
        'read.mjs',
        `import { readFileSync } from 'node:fs'\nfor (const url of ${list}) readFileSync(new URL(url), 'utf8')\n`,
      )
      const plain = script('plain.mjs', `for (const url of ${list}) await import(url)\n`)
      const built = (file: string): string => JSON.stringify(pathToFileURL(join(house, 'dist/adapters', file)).href)
      const zod = JSON.stringify(pathToFileURL(join(house, 'node_modules/zod/index.js')).href)
      const cold = script(
        'cold.mjs',
        `import { esbuildLoader } from ${built('loaders/esbuild.js')}
const modules = { codeband: () => import(${built('index.js')}), zod: () => import(${zod}) }
const loader = esbuildLoader({ root: ${JSON.stringify(place)}, modules })
const bundle = await loader.bundle(${JSON.stringify(files.map((path) => ({ name: path, path })))})
const { values } = await loader.run(bundle)
if (values.size !== ${count}) throw new Error('loaded ' + values.size)
`,
      )
      mkdirSync(join(place, '.git/objects'), { recursive: true })
      mkdirSync(join(place, '.git/refs'))
      writeFileSync(join(place, '.git/HEAD'), 'ref: refs/heads/main\n')
      writeFileSync(join(place, '.git/config'), '[core]\n')
      const repository = `{ root: ${JSON.stringify(place)}, home: bandHome(${JSON.stringify(place)}, host()), branch: 'main' }`
      const warmed = script(
        'warmed.mjs',
        `import { bandHome } from ${built('band-home.js')}
import { host } from ${built('host.js')}
import { bundleDefinitions, trustDefinitions } from ${built('definitions/bundle.js')}
import { inspectDefinitions } from ${built('definitions/load.js')}
const repository = ${repository}
await trustDefinitions(repository, (await bundleDefinitions(repository)).hash)
await inspectDefinitions(repository)
`,
      )
      const warm = script(
        'warm.mjs',
        `import { bandHome } from ${built('band-home.js')}
import { host } from ${built('host.js')}
import { bundleDefinitions, loaderFor } from ${built('definitions/bundle.js')}
const { warm, own } = await bundleDefinitions(${repository})
if (!warm) throw new Error('it is not warm')
const { values } = await (await loaderFor(${JSON.stringify(place)})).run(own)
if (values.size !== ${count}) throw new Error('loaded ' + values.size)
`,
      )
      const listed = script(
        'listed.mjs',
        `import { warmListing } from ${built('definitions/warm-listing.js')}
const listing = await warmListing(${JSON.stringify(place)})
if (!(listing?.roles.length >= ${count})) throw new Error('it is not warm')
`,
      )
      // What has just changed is not kept.
      await sleep(2_500)
      await timeOf([warmed], place)
      const tsx = pathToFileURL(join(house, 'node_modules/tsx/dist/esm/index.mjs')).href
      const times = await alternate(5, {
        read: () => timeOf([read], place),
        plain: () => timeOf([plain], place),
        tsx: () => timeOf(['--import', tsx, plain], place),
        cold: () => timeOf([cold], place),
        warm: () => timeOf([warm], place),
        listed: () => timeOf([listed], place),
      })
      for (const way of ['cold', 'warm', 'listed'] as const) {
        const what = way === 'listed' ? `list ${count} roles, warm` : `load ${count} roles, ${way}`
        rows.push(
          compared(`${what} (floor: plain import)`, 'ms', times[way], times.plain, aims[`${way} ${count}`]),
          compared(`${what} (floor: tsx)`, 'ms', times[way], times.tsx),
          compared(`${what} (floor: reading the files)`, 'ms', times[way], times.read),
        )
      }
    } finally {
      rmSync(room, { recursive: true, force: true })
    }
  }
  return rows
}
