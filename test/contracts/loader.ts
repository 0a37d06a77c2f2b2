import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Loader, SourceFile } from '../../core/ports/loader.ts'

export interface LoaderOptions {
  root: string
  modules: Readonly<Record<string, object>>
}

/** What every adapter of the loader port owes. */
export function loaderContract(name: string, open: (options: LoaderOptions) => Loader): void {
  describe(`${name} keeps the loader contract`, () => {
    let room: string
    let count = 0
    const mark = Symbol('the running one')
    const defineRole = (role: object) => ({ ...role, mark })
    const modules = {
      codeband: { defineRole, mark, z: { string: () => 'z.string' } },
      'codeband/claude': { claude: () => ({ id: 'claude' }) },
      zod: { z: { string: () => 'zod' }, function: 1, default: { all: true } },
    }

    beforeAll(async () => {
      room = await realpath(await mkdtemp(join(tmpdir(), 'loader-')))
    })
    afterAll(() => rm(room, { recursive: true, force: true }))

    const repository = async (files: Record<string, string>, folder = `repository-${count++}`) => {
      const root = join(room, folder)
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true })
        await writeFile(join(root, path), text)
      }
      const sources = (...paths: string[]): SourceFile[] =>
        paths.map((path) => ({ name: `role:${path}`, path: join(root, path) }))
      return { root, sources, loader: open({ root, modules }) }
    }
    const load = async (files: Record<string, string>, ...entries: string[]) => {
      const { root, sources, loader } = await repository(files)
      const bundle = await loader.bundle(sources(...entries))
      const { values, diagnostics } = await loader.run(bundle)
      return { root, bundle, values: Object.fromEntries(values), diagnostics: [...bundle.diagnostics, ...diagnostics] }
    }

    test('gives each default export under its name', async () => {
      const { values, diagnostics } = await load(
        {
          '.agents/a.ts': "import { defineRole } from 'codeband'\nexport default defineRole({ id: 'a' as string })",
          '.agents/b.ts': 'export default undefined',
        },
        '.agents/a.ts',
        '.agents/b.ts',
      )
      expect(values).toEqual({ 'role:.agents/a.ts': { id: 'a', mark }, 'role:.agents/b.ts': undefined })
      expect(diagnostics).toEqual([])
    })

    test('codeband, its subpaths and zod are the running ones, wherever a copy lies', async () => {
      const { values } = await load(
        {
          'node_modules/codeband/index.js': "export const mark = 'a copy'",
          'node_modules/codeband/package.json': '{"name":"codeband","type":"module","exports":"./index.js"}',
          'node_modules/plugin/index.js': "export { mark } from 'codeband'",
          'node_modules/plugin/package.json': '{"name":"plugin","type":"module","exports":"./index.js"}',
          'a.ts': `import { mark } from 'codeband'\nimport { mark as theirs } from 'plugin'\nimport { claude } from 'codeband/claude'
            import all, { z, function as f } from 'zod'\nimport * as zod from 'zod'
            export default [mark, theirs, claude().id, z.string(), all, f, zod.z.string()]`,
        },
        'a.ts',
      )
      expect(values).toEqual({ 'role:a.ts': [mark, mark, 'claude', 'zod', { all: true }, 1, 'zod'] })
    })

    test('a package that brings a zod of its own keeps it', async () => {
      const { values } = await load(
        {
          'node_modules/zod/index.js': "export const z = 'old'",
          'node_modules/zod/package.json': '{"name":"zod","type":"module","exports":"./index.js"}',
          'node_modules/plugin/index.js': "export { z } from 'zod'",
          'node_modules/plugin/package.json': '{"name":"plugin","type":"module","exports":"./index.js"}',
          'a.ts': "export { z as default } from 'plugin'",
        },
        'a.ts',
      )
      expect(values).toEqual({ 'role:a.ts': 'old' })
    })

    test('relative files, JSON, extensionless, paths of tsconfig, packages, CommonJS and node: all resolve', async () => {
      const { values, diagnostics } = await load(
        {
          'tsconfig.json': '{ "compilerOptions": { "baseUrl": ".", "paths": { "@lib/*": ["lib/*"] } } } // comment',
          'lib/deep.ts': "export const deep = 'deep'",
          '.agents/parts/helper.ts': "export const helper = 'helper'",
          '.agents/parts/index.ts': "export { helper } from './helper'\nexport enum Kind { One = 'one' }",
          '.agents/data.json': '{"from":"json"}',
          'node_modules/old/package.json': '{"name":"old"}',
          'node_modules/old/index.js':
            "const path = require('path'); exports.base = path.basename('/x/old'); exports.here = __dirname",
          '.agents/a.ts': `import { readFileSync } from 'node:fs'\nimport { Kind, helper } from './parts'\nimport data from './data.json' with { type: 'json' }
            import { deep } from '@lib/deep'\nimport { deep as again } from 'lib/deep.ts'\nimport old from 'old'
            export default [typeof readFileSync, helper, Kind.One, data.from, deep, again, old.base, old.here]`,
        },
        '.agents/a.ts',
      )
      expect(diagnostics).toEqual([])
      const [found] = Object.values(values) as [string[]]
      expect(found.slice(0, 7)).toEqual(['function', 'helper', 'one', 'json', 'deep', 'deep', 'old'])
      expect(found[7]).toMatch(/\/node_modules\/old$/)
    })

    test('__dirname, __filename and import.meta are those of the source, also where it declares them', async () => {
      const { root, values } = await load(
        {
          '.agents/a.ts':
            'export default [__dirname, __filename, import.meta.dirname, import.meta.filename, import.meta.url]',
          '.agents/b.ts': `import { dirname } from 'node:path'\nimport { fileURLToPath } from 'node:url'
            const __filename = fileURLToPath(import.meta.url)\nconst __dirname = dirname(__filename)\nexport default [__dirname, __filename]`,
          '.agents/c.ts': '#!/usr/bin/env node\nexport default __dirname',
        },
        '.agents/a.ts',
        '.agents/b.ts',
        '.agents/c.ts',
      )
      const [folder, a, b] = ['.agents', '.agents/a.ts', '.agents/b.ts'].map((path) => join(root, path))
      expect(values).toEqual({
        'role:.agents/a.ts': [folder, a, folder, a, `file://${a}`],
        'role:.agents/b.ts': [folder, b],
        'role:.agents/c.ts': folder,
      })
    })

    test('bundling runs no line', async () => {
      const { loader, sources } = await repository({
        'a.ts': "globalThis.loaderContractRan = true\nthrow new Error('ran')",
      })
      await loader.bundle(sources('a.ts'))
      expect('loaderContractRan' in globalThis).toBe(false)
    })

    test('a file that does not compile is a diagnostic with its place, the others are bundled', async () => {
      const { values, diagnostics } = await load(
        {
          'a.ts': "export default 'a'",
          'b.ts': 'const x = 1\nexport default {{ x',
          'c.ts': "import { nothing } from './missing'\nexport default nothing",
          'd.ts': "import './helper'\nexport default 'd'",
          'e.ts': "import './helper'\nexport default 'e'",
          'helper.ts': '\n\nconst = 1',
          'f.ts': "import { x } from 'codeband/nothing'\nexport default x",
        },
        ...['a.ts', 'b.ts', 'c.ts', 'd.ts', 'e.ts', 'f.ts', 'absent.ts'],
      )
      expect(values).toEqual({ 'role:a.ts': 'a' })
      const places = diagnostics.map(({ severity, code, file, line, column }) => [severity, code, file, line, column])
      expect(places).toEqual([
        ['error', 'unknown-import', 'absent.ts', undefined, undefined],
        ['error', 'syntax', 'b.ts', 2, 17],
        ['error', 'unknown-import', 'c.ts', 1, 25],
        ['error', 'syntax', 'helper.ts', 3, 7],
        ['error', 'unknown-import', 'f.ts', 1, 19],
      ])
    })

    test('a name that codeband does not export is a diagnostic', async () => {
      const { diagnostics } = await load(
        { 'a.ts': "import { defneRole } from 'codeband'\nexport default defneRole({})" },
        'a.ts',
      )
      expect(diagnostics).toMatchObject([{ file: 'a.ts', line: 1, column: 10 }])
      expect(diagnostics[0]!.message).toContain('defneRole')
    })

    test('a file that throws while it loads is a diagnostic where it threw, the others have values', async () => {
      const { values, diagnostics } = await load(
        {
          'a.ts': "export default 'a'",
          'b.ts': "\n\ninterface Long { a: string }\nexport default (() => {\n  throw new Error('no luck')\n})()",
          'c.ts': "import { fail } from './helper'\nexport default fail()",
          'd.ts': "import './bad'\nexport default 'd'",
          'e.ts': "import './bad'\nexport default 'e'",
          'f.ts': "throw 'text'",
          'bad.ts': "export {}\nthrow new Error('bad')",
          'helper.ts': "type A = {}\nexport function fail(): void {\n  JSON.parse('{')\n}",
        },
        ...['a.ts', 'b.ts', 'c.ts', 'd.ts', 'e.ts', 'f.ts'],
      )
      expect(values).toEqual({ 'role:a.ts': 'a' })
      expect(diagnostics.map(({ code, file, line, column }) => [code, file, line, column])).toEqual([
        ['throws', 'b.ts', 5, 9],
        ['throws', 'helper.ts', 3, 8],
        ['throws', 'bad.ts', 2, 7],
        ['throws', 'bad.ts', 2, 7],
        ['throws', 'f.ts', undefined, undefined],
      ])
      expect(diagnostics[0]).toMatchObject({ severity: 'error', message: 'no luck' })
    })

    test('a file without a default export is a diagnostic', async () => {
      const { values, diagnostics } = await load({ 'a.ts': 'export const a = 1' }, 'a.ts')
      expect(values).toEqual({})
      expect(diagnostics).toEqual([
        { severity: 'error', code: 'no-default-export', message: 'there is no default export', file: 'a.ts' },
      ])
    })

    test('the same sources have the same hash wherever they lie, another text another', async () => {
      const files = {
        'index.ts': "export const top = 'top'",
        '.agents/a.ts':
          "import { defineRole, z } from 'codeband'\nimport { top } from '..'\nexport default [defineRole, z, top, __dirname]",
        '.agents/b.ts': "import old from 'old'\nexport default old",
        'node_modules/old/index.js': 'module.exports = __filename',
      }
      const hashes = []
      const outside = {
        'roles/conductor.ts': "import { x } from './part.ts'\nexport default x",
        'roles/part.ts': 'export const x = 1',
      }
      for (const [place, codeband] of [
        ['one', 'installed'],
        ['two/three/four', 'somewhere/else'],
        ['index', 'x'],
      ]) {
        const theirs = await repository(outside, codeband)
        const { loader, sources } = await repository(files, place)
        const bundle = await loader.bundle([
          ...theirs.sources('roles/conductor.ts'),
          ...sources('.agents/b.ts', '.agents/a.ts'),
        ])
        expect(bundle.code).not.toContain(room)
        expect(bundle.inputs).toHaveLength(6)
        expect(Object.fromEntries((await loader.run(bundle)).values)['role:roles/conductor.ts']).toBe(1)
        hashes.push(bundle.hash)
      }
      const { loader, sources } = await repository({ ...files, 'index.ts': "export const top = 'other'" })
      const other = await loader.bundle(sources('.agents/a.ts', '.agents/b.ts'))
      expect(new Set(hashes).size).toBe(1)
      expect(other.hash).not.toBe(hashes[0])
    })

    test('an export that codeband adds changes no hash', async () => {
      const { root, sources, loader } = await repository({ 'a.ts': "import { z } from 'codeband'\nexport default z" })
      const newer = open({ root, modules: { ...modules, codeband: { ...modules.codeband, aNew: 1, zz: 2 } } })
      expect((await newer.bundle(sources('a.ts'))).hash).toBe((await loader.bundle(sources('a.ts'))).hash)
    })

    test('a bundle with another text than its hash does not run', async () => {
      const { loader, sources } = await repository({ 'a.ts': 'export default 1' })
      const bundle = await loader.bundle(sources('a.ts'))
      await expect(loader.run({ ...bundle, code: bundle.code.replace('1', '2') })).rejects.toMatchObject({
        code: 'CB_INTERNAL',
      })
    })

    test('a repository behind a symbolic link, no files, and two loaders at once', async () => {
      const { root, sources, loader } = await repository({ 'a.ts': 'export default __dirname' })
      await symlink(root, join(room, 'link'))
      const linked = open({ root: join(room, 'link'), modules })
      const [one, two, empty] = await Promise.all([
        loader.bundle(sources('a.ts')),
        linked.bundle([{ name: 'role:a.ts', path: join(room, 'link/a.ts') }]),
        loader.bundle([]),
      ])
      expect(two.hash).toBe(one.hash)
      expect([...(await linked.run(two)).values]).toEqual([['role:a.ts', root]])
      expect((await loader.run(empty)).values.size).toBe(0)
    })
  })
}
