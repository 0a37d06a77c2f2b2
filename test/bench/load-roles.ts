import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run } from '../../adapters/process.ts'
import { alternate, compared, type Measure } from './measure.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))

const role = (n: number): string => `import { defineRole, z } from 'codeband'

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

/** Milliseconds of a whole process that loads the roles of a folder in one way. */
async function timeOf(argv: readonly string[], cwd: string): Promise<number> {
  const started = performance.now()
  const { exitCode, output } = await run([join(house, 'node_modules/.bin/node'), '--no-warnings', ...argv], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: cwd, XDG_STATE_HOME: join(cwd, 'state') },
    timeoutMs: 60_000,
    maxOutput: 10_000,
  })
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${output}`)
  return performance.now() - started
}

/** Loading 10 and 100 roles in a fresh process: ours (bundle, check, run) beside plain `import()`, tsx and reading the files. */
export async function loadRolesBench(): Promise<Measure[]> {
  const rows: Measure[] = []
  for (const count of [10, 100]) {
    const place = mkdtempSync(join(tmpdir(), 'codeband-bench-'))
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
      for (const [n, file] of files.entries()) writeFileSync(file, role(n))
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
      const ours = script(
        'ours.mjs',
        `import { esbuildLoader } from ${JSON.stringify(pathToFileURL(join(house, 'dist/adapters/loaders/esbuild.js')).href)}
const modules = { codeband: await import(${JSON.stringify(pathToFileURL(join(house, 'dist/adapters/index.js')).href)}), zod: await import('zod') }
const loader = esbuildLoader({ root: ${JSON.stringify(place)}, modules })
const bundle = await loader.bundle(${JSON.stringify(files.map((path) => ({ name: path, path })))})
const { values } = await loader.run(bundle)
if (values.size !== ${count}) throw new Error('loaded ' + values.size)
`.replace("import('zod')", `import(${JSON.stringify(pathToFileURL(join(house, 'node_modules/zod/index.js')).href)})`),
      )
      const tsx = pathToFileURL(join(house, 'node_modules/tsx/dist/esm/index.mjs')).href
      const times = await alternate(5, {
        read: () => timeOf([read], place),
        plain: () => timeOf([plain], place),
        tsx: () => timeOf(['--import', tsx, plain], place),
        ours: () => timeOf([ours], place),
      })
      const aim = count === 100 ? 'at most 1 times' : undefined
      rows.push(
        compared(`load ${count} roles, cold (floor: plain import)`, 'ms', times.ours, times.plain, aim),
        compared(`load ${count} roles, cold (floor: tsx)`, 'ms', times.ours, times.tsx),
        compared(`load ${count} roles, cold (floor: reading the files)`, 'ms', times.ours, times.read),
      )
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  }
  return rows
}
