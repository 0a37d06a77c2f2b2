import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// `tsx test/types/declarations.ts` writes the two declaration files that `codeband init` puts beside a project's roles.
const root = fileURLToPath(new URL('../..', import.meta.url))
export const shipped = join(root, 'adapters/cli/scaffold')

/** Module to the declarations it takes from the emitted ones, in order. */
const modules: Record<string, readonly (readonly [file: string, ...names: string[]])[]> = {
  codeband: [
    [
      'core/role/role',
      'defineRole',
      'RoleDefinition',
      'McpServer',
      'Prompt',
      'TurnBase',
      'TurnContext',
      'StepsContext',
      'Adjustments',
      'Limits',
      'Role',
      'NoInput',
      'Roles',
      'BuiltinRoles',
      'KnownRoles',
      'RoleId',
    ],
    [
      'core/role/tool',
      'defineTool',
      'Tool',
      'ToolContext',
      'ToolGrant',
      'ToolName',
      'Tools',
      'BuiltinTool',
      'builtinTools',
    ],
    ['core/role/tool-inputs', 'ToolInputs', 'CallableTool', 'ToolInputOf'],
    ['core/role/steps', 'Band', 'Steps', 'EffectError'],
    ['core/role/products', 'Subtask', 'Plan', 'Risk', 'Finding', 'Verdict', 'ChangeProduct', 'MergeReport'],
    ['core/config', 'defineConfig', 'packageRegistries', 'Config', 'Check', 'FrameworkByName'],
    ['core/role/schema', 'Schema', 'InputOf', 'OutputOf'],
    ['core/ports/framework', 'JsonSchema'],
    ['core/protocol/events', 'EffectFailure'],
  ],
  'codeband/roles': [],
  'codeband/claude': [['adapters/frameworks/claude', 'claude', 'ClaudeOptions']],
  'codeband/codex': [['adapters/frameworks/codex', 'codex', 'CodexOptions']],
  'codeband/scripted': [
    ['adapters/frameworks/scripted', 'scripted', 'ScriptedOptions'],
    [
      'adapters/frameworks/scripted/script',
      'ScriptStep',
      'ScriptTurn',
      'Script',
      'ScriptFunction',
      'ScriptMoment',
      'ScriptSource',
      'forms',
      'scriptTurn',
      'scriptFile',
    ],
    ['core/ports/framework', 'SessionTool', 'ToolResult'],
  ],
  'codeband/testing': [
    ['adapters/testing', 'playRole', 'PlayOptions', 'PlayTurn', 'Played'],
    ['adapters/testing/record', 'PromptSeen', 'ToolCallSeen', 'EffectSeen'],
    // The package keeps these to itself, and there the imports above are of the package.
    ['core/role/schema', 'InputOf', 'OutputOf'],
    ['core/protocol/events', 'EffectFailure'],
  ],
}

const head = `// biome-ignore-all lint: written by a program
// Types of codeband for an editor, where the package is not installed; where it is, its own types are used instead.
// Written by codeband: \`codeband roles --types\` writes it anew, and the types of this project's roles and tools beside it.
`
const references = `/// <reference path="./zod.d.ts" />
/// <reference path="./subpaths.d.ts" />
/// <reference path="./roles.d.ts" />
`

const imports: Record<string, string> = {
  codeband: `import { z } from 'codeband/zod'\n\nexport { z }`,
  'codeband/roles': `import type { Plan, RoleDefinition, Schema, Subtask, z } from 'codeband'`,
  'codeband/claude': `import type { Framework } from 'codeband'`,
  'codeband/codex': `import type { Framework } from 'codeband'`,
  'codeband/scripted': `import type { Framework, JsonSchema, z } from 'codeband'`,
  'codeband/testing': `import type { Config, Role, RoleDefinition, Schema, Tool, z } from 'codeband'
import type { ScriptFunction, ScriptTurn } from 'codeband/scripted'`,
}

/** What no declaration file says by itself. */
const more: Record<string, string> = {
  codeband: `/** What plays a role: \`claude()\`, \`codex()\`, \`scripted()\`, or a plug-in. */
export interface Framework { readonly id: string; readonly family: string }
export { type Band as StepsBand }
/** What \`steps\` yields: one thing asked of the runtime. */
export interface Effect { readonly kind: string }
// Through the import, declarations that extend them are seen here too.
type AllRoles = import('codeband').Roles
type AllTools = import('codeband').Tools
type Fetch = typeof globalThis extends { fetch: infer F } ? F : (url: string, init?: object) => Promise<unknown>
type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : { readonly aborted: boolean }
`,
}

/** File to text, made of the declarations that the compiler emits for the sources. */
export function declarations(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-declarations-'))
  const bin = (name: string): string => join(root, 'node_modules/.bin', name)
  try {
    execFileSync(bin('tsc'), ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--noCheck', '--outDir', folder], {
      cwd: root,
    })
    const read = (path: string): string => readFileSync(join(folder, `${path}.d.ts`), 'utf8')
    const blocks = Object.entries(modules).map(([name, sources]) => {
      const taken = sources.flatMap(([file, ...names]) => pick(statements(read(file)), names, file))
      const body = name === 'codeband/roles' ? rolesThatShip(read) : taken.join('\n')
      return `declare module '${name}*' {\n${imports[name] ?? ''}\n${adapt(body)}\n${more[name] ?? ''}}\n`
    })
    const format = (...parts: readonly string[]): string =>
      execFileSync(bin('biome'), ['format', '--stdin-file-path=adapters/cli/scaffold/codeband.d.ts'], {
        cwd: root,
        input: parts.join('\n'),
        encoding: 'utf8',
      })
    const [main, ...subpaths] = blocks
    const subset = readFileSync(join(root, 'test/types/zod-subset.d.ts'), 'utf8').replace(/^\/\/.*\n/, '')
    const zod = `declare module 'codeband/zod*' {\n${subset}}\n\ndeclare module 'zod*' {\nexport { z } from 'codeband'\n}\n`
    return {
      'codeband.d.ts': format(head + references, main!),
      'subpaths.d.ts': format(head, ...subpaths),
      'zod.d.ts': format(head, zod),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Name to its statements with their comments; overloads stay together. */
function statements(text: string): Map<string, string> {
  const found = new Map<string, string>()
  const starts = /^(?=\/\*\*|export |declare |import |type |interface )/m
  let comment = ''
  for (const part of text.split(starts)) {
    if (part.startsWith('/**')) {
      // The comment of what follows it.
      comment = part
      continue
    }
    const name = /^(?:export )?(?:declare )?(?:const|function|class|interface|type) (\w+)/.exec(part)?.[1]
    // A schema and the type that is read from it share a name.
    if (name !== undefined) found.set(name, `${found.get(name) ?? ''}${comment}${part}`)
    comment = ''
  }
  return found
}

function pick(all: ReadonlyMap<string, string>, names: readonly string[], file: string): string[] {
  return names.map((name) => {
    const text = all.get(name)
    if (text === undefined)
      throw new Error(`${file}.ts declares no '${name}' any more: correct test/types/declarations.ts`)
    return collapse(text.trim())
  })
}

/** Object types without comments on one line; the formatter breaks those that are too long. */
function collapse(given: string): string {
  let text = given
  const open: number[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(at)
    if (text[at] !== '}') continue
    const from = open.pop()!
    const body = text.slice(from, at + 1)
    if (body.includes('/**')) continue
    const short = body.replace(/\s+/g, ' ')
    text = text.slice(0, from) + short + text.slice(at + 1)
    at = from + short.length - 1
  }
  return text
}

/** Their prompts and steps are no part of a type; what they take is. */
function rolesThatShip(read: (path: string) => string): string {
  const lines = [...read('adapters/roles').matchAll(/default as (\w+) \} from '\.\.\/(roles\/[a-z-]+)/g)]
  return lines
    .map(([, name, path]) => {
      const type = /declare const _default: ([\s\S]*?);\nexport default/.exec(read(path!))?.[1]
      if (type === undefined) throw new Error(`${path}.ts has no default export that is a role`)
      return collapse(`export const ${name}: ${type}`)
    })
    .join('\n')
}

function adapt(text: string): string {
  const subtask = /z\.ZodObject<\{\s*id: z\.ZodString;\s*title: [\s\S]*?z\.core\.\$strict>/g
  const plan =
    /z\.ZodObject<\{\s*summary: z\.ZodDefault<z\.ZodString>;\s*subtasks: z\.ZodArray<typeof Subtask>;?\s*\}(?:, z\.core\.\$strict)?>/g
  const finding = /z\.ZodObject<\{\s*severity: [\s\S]*?suggestion: [\s\S]*?z\.core\.\$strict>/g
  const risk = /z\.ZodEnum<\{\s*critical: "critical";[^}]*\}>/g
  const named = (name: string, all: string, pattern: RegExp): string =>
    all.replace(pattern, (type: string, at: number) =>
      all.slice(0, at).endsWith(`const ${name}: `) ? type : `typeof ${name}`,
    )
  let short = named('Subtask', text, subtask)
  short = named('Plan', short, plan)
  short = named('Finding', short, finding)
  short = named('Risk', short, risk)
  return short
    .replace(/, z\.core\.\$str(ict|ip)>/g, '>')
    .replaceAll('import("codeband").', '')
    .replace(/^(export )?declare /gm, '$1')
    .replace(/\bkeyof Roles\b/g, 'keyof AllRoles')
    .replace(/& Roles\b/g, '& AllRoles')
    .replace(/\bkeyof Tools\b/g, 'keyof AllTools')
    .replace(/\bTools\[/g, 'AllTools[')
    .replace(/fetch: typeof fetch\b/, 'fetch: Fetch')
    .replace(/signal: AbortSignal\b/, 'signal: Signal')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of Object.entries(declarations())) writeFileSync(join(shipped, file), text)
}
