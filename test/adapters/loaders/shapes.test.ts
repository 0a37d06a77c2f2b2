import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { esbuildLoader } from '../../../adapters/loaders/esbuild.ts'
import { place } from '../../scene/place.ts'

interface Shape {
  files: Readonly<Record<string, string>>
  /** What the files export, by name; undefined for those that export nothing. */
  gives: Readonly<Record<string, unknown>>
  /** `file: code` of each problem. */
  problems?: readonly string[]
}

/** How people elsewhere write agents in TypeScript, one shape each. */
const shapes: Record<string, Shape> = {
  'types only: import type, inline type, satisfies, as const, as any, generics, optional chaining': {
    files: {
      'types/agent.ts':
        'export interface Agent { id: string; tools?: string[] }\nexport type Id<T extends string> = T | Uppercase<T>',
      'a.ts': `import type { Agent } from './types/agent'\nimport { type Id } from './types/agent'
        const first = <T,>(list: readonly T[]): T | undefined => list?.[0]
        const agent = { id: 'x-a' satisfies Id<'x-a'>, tools: ['t'] } satisfies Agent
        export default [agent.id, first(agent.tools as any), (agent as Agent).tools?.length ?? 0, ({ a: 1 } as const).a]`,
    },
    gives: { 'a.ts': ['x-a', 't', 1, 1] },
  },
  'imports: without an extension, with .ts, as the .js it will be, a folder by its index': {
    files: {
      'parts/index.ts': "export const index = 'index'",
      'parts/one.ts': "export const one = 'one'",
      'a.ts': `import { index } from './parts'\nimport { one } from './parts/one'\nimport { one as ts } from './parts/one.ts'
        import { one as js } from './parts/one.js'\nexport default [index, one, ts, js]`,
    },
    gives: { 'a.ts': ['index', 'one', 'one', 'one'] },
  },
  'aliases: paths and baseUrl of a tsconfig beside the agents, which extends another': {
    files: {
      'tsconfig.base.json':
        '{ "compilerOptions": { "baseUrl": ".agents", "paths": { "@shared/*": ["../shared/*"] } } }',
      '.agents/tsconfig.json': '{ "extends": "../tsconfig.base.json", "compilerOptions": { "strict": true } }',
      'shared/words.ts': "export const word = 'shared'",
      '.agents/factory/base.ts': "export const base = (id: string) => ({ id, from: 'factory' })",
      '.agents/a.ts': `import { word } from '@shared/words'\nimport { base } from 'factory/base'\nexport default base(word)`,
    },
    gives: { '.agents/a.ts': { id: 'shared', from: 'factory' } },
  },
  'reading at import: __dirname, import.meta.dirname and a URL beside the file, also from a helper': {
    files: {
      '.agents/prompts/a.md': 'a prompt',
      '.agents/lib/read.ts': `import { readFileSync } from 'node:fs'\nimport { join } from 'node:path'
        export const read = (name: string) => readFileSync(join(__dirname, '..', 'prompts', name), 'utf8')`,
      '.agents/a.ts': `import { readFileSync } from 'fs'\nimport path from 'path'\nimport { read } from './lib/read'
        const file = path.join(import.meta.dirname, 'prompts/a.md')
        export default [read('a.md'), readFileSync(file, 'utf8'), readFileSync(new URL('./prompts/a.md', import.meta.url), 'utf8')]`,
    },
    gives: { '.agents/a.ts': ['a prompt', 'a prompt', 'a prompt'] },
  },
  'JSON: with and without an attribute, and from a helper': {
    files: {
      'data.json': '{ "models": ["small"] }',
      'helper.ts': "import data from './data.json'\nexport const models = data.models",
      'a.ts':
        "import data from './data.json' with { type: 'json' }\nimport { models } from './helper'\nexport default [data, models]",
    },
    gives: { 'a.ts': [{ models: ['small'] }, ['small']] },
  },
  'packages: an ES module, CommonJS and a subpath, imported from a helper': {
    files: {
      'node_modules/esm/package.json': '{"name":"esm","type":"module","exports":{".":"./i.js","./sub":"./sub.js"}}',
      'node_modules/esm/i.js': "export const esm = 'esm'",
      'node_modules/esm/sub.js': "export default 'sub'",
      'node_modules/cjs/package.json': '{"name":"cjs","main":"lib.js"}',
      'node_modules/cjs/lib.js': 'module.exports = { uniq: (list) => [...new Set(list)] }',
      '.agents/lib/pick.ts':
        "import { uniq } from 'cjs'\nimport { esm } from 'esm'\nimport sub from 'esm/sub'\nexport const pick = uniq([esm, sub, esm])",
      '.agents/a.ts': "import { pick } from './lib/pick'\nexport default pick",
    },
    gives: { '.agents/a.ts': ['esm', 'sub'] },
  },
  'zod: the running one, also for helpers, with no package.json anywhere': {
    files: {
      'helper.ts': "import z from 'zod'\nexport const text = z.string",
      'a.ts':
        "import { z } from 'zod'\nimport { text } from './helper'\nimport { z as same } from 'codeband'\nexport default [z.string, text, same.string]",
    },
    gives: { 'a.ts': ['running', 'running', 'running'] },
  },
  'composition: one agent spreads another, and both are agents; a factory makes several': {
    files: {
      'editor.ts': "const editor = { id: 'editor', steps: function* () { yield 1 } }\nexport default editor",
      'editor-lite.ts': "import editor from './editor'\nexport default { ...editor, id: 'editor-lite' }",
      'factory.ts': "export const base = (model: string, mode = 'max') => ({ model, id: 'base-' + mode })",
      'base-max.ts': "import { base } from './factory'\nexport default { ...base('m'), extra: true }",
      'base-ask.ts': "import { base } from './factory'\nexport default { ...base('m', 'ask') }",
    },
    gives: {
      'editor.ts': { id: 'editor', steps: expect.any(Function) },
      'editor-lite.ts': { id: 'editor-lite', steps: expect.any(Function) },
      'base-max.ts': { id: 'base-max', model: 'm', extra: true },
      'base-ask.ts': { id: 'base-ask', model: 'm' },
    },
  },
  'exports: named and default, export as default, a top-level await': {
    files: {
      'a.ts': "const a = { id: 'a' }\nexport { a, a as default }",
      'b.ts': "export default await Promise.resolve({ id: 'b' })",
    },
    gives: { 'a.ts': { id: 'a' }, 'b.ts': { id: 'b' } },
  },
  'generators: a function expression, a method, a named one of the module that uses its helpers': {
    files: {
      'a.ts': "export default { steps: function* () { yield 'a' } }",
      'b.ts': "export default { *steps() { yield 'b' } }",
      'c.ts': "const helper = (x: string) => x + x\nfunction* steps() { yield helper('c') }\nexport default { steps }",
    },
    gives: Object.fromEntries(['a.ts', 'b.ts', 'c.ts'].map((name) => [name, { steps: expect.any(Function) }])),
  },
  'other kinds of file: .js, .mjs and .mts': {
    files: {
      'a.js': "export default 'js'",
      'b.mts': "export default 'mts' as string",
      'd.mjs': "export default 'mjs'",
    },
    gives: { 'a.js': 'js', 'b.mts': 'mts', 'd.mjs': 'mjs' },
  },
  'what cannot be: a package that is not there, a file that is not there': {
    files: {
      'a.ts': "import _ from 'lodash'\nexport default _",
      'b.ts': "import { x } from './nowhere'\nexport default x",
      'c.ts': "export default 'c'",
    },
    gives: { 'c.ts': 'c' },
    problems: ['a.ts: unknown-import', 'b.ts: unknown-import'],
  },
}

const modules = {
  codeband: { z: { string: 'running' } },
  zod: { z: { string: 'running' }, default: { string: 'running' } },
}

describe('definitions as they are written elsewhere load', () => {
  test.each(Object.entries(shapes))('%s', async (_, { files, gives, problems = [] }) => {
    const root = place()
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const entries = [...Object.keys(gives), ...problems.map((one) => one.split(':')[0]!)]
    const loader = esbuildLoader({ root, modules })
    const bundle = await loader.bundle(entries.map((name) => ({ name, path: join(root, name) })))
    const { values, diagnostics } = await loader.run(bundle)
    const said = [...bundle.diagnostics, ...diagnostics].map(({ file, code }) => `${file}: ${code}`)
    expect({ said, values: Object.fromEntries(values) }).toEqual({ said: problems, values: gives })
  })
})
