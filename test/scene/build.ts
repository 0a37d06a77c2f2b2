import { cpSync, globSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder of a codeband as it is installed, made of the sources as they are now. */
    built: string
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Before the first test: the package as it is installed, without its declarations. Most of what the tests of the command line do is
 *  starting it, and JavaScript starts in half the time. */
export default async function build({ provide }: TestProject): Promise<() => void> {
  const folder = join(root, 'node_modules/.cache/codeband', String(process.pid))
  const sources = globSync(['core/**/*.ts', 'adapters/**/*.ts', 'roles/**/*.ts'], { cwd: root })
  await Promise.all(
    sources.map(async (source) => {
      const target = join(folder, 'dist', source.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(target), { recursive: true })
      if (source.endsWith('.d.ts')) return cpSync(join(root, source), join(folder, 'dist', source))
      const { code } = await transform(await readFile(join(root, source), 'utf8'), {
        loader: 'ts',
        format: 'esm',
        target: 'node22',
      })
      writeFileSync(target, named(code))
    }),
  )
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  for (const shared of ['.agents', 'examples']) symlinkSync(join(root, shared), join(folder, shared))
  provide('built', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}

/** Imports name the files as they are called when they are built. */
function named(code: string): string {
  return code
    .replace(/^((?:.*\bfrom|import) "\.{1,2}\/[^"]*)\.ts";$/gm, '$1.js";')
    .replace(/(\bimport\("\.{1,2}\/[^"]*)\.ts"\)/g, '$1.js")')
}
