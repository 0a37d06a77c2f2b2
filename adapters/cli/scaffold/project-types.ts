import { readFile } from 'node:fs/promises'
import type { Role } from '../../../core/role/role.ts'
import type { Tool } from '../../../core/role/tool.ts'
import { schemaType } from './schema-type.ts'

/** Folder of what only an editor reads. */
export const typesFolder = '.agents/types'

/** The types of codeband itself: file to text. */
export async function codebandTypes(): Promise<Record<string, string>> {
  const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8')
  const files = ['codeband.d.ts', 'subpaths.d.ts', 'zod.d.ts'].map(
    async (name) => [`${typesFolder}/${name}`, await read(name)] as const,
  )
  return Object.fromEntries(await Promise.all(files))
}

export const projectTypesFile = `${typesFolder}/roles.d.ts`

/** In its place while the definitions may not be run. */
export const projectTypesLater = `// What the roles and tools of this project take and give: \`codeband trust\`, then \`codeband roles --types\` writes it.
export {}
`

/** The text of roles.d.ts: what this project's roles and tools take and give. Of a role that replaces one that ships only what differs
 *  is said; the rest codeband declares itself. */
export async function projectTypes(roles: readonly Role[], tools: readonly Tool[]): Promise<string> {
  const ships = new Map((Object.values(await import('../../roles.ts')) as Role[]).map((role) => [role.id, role]))
  const own = roles
    .filter((role) => {
      const shipped = ships.get(role.id)
      return shipped === undefined || typesOf(shipped) !== typesOf(role)
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const named = [...tools].sort((a, b) => (a.name < b.name ? -1 : 1))
  return [
    '// biome-ignore-all lint: written by a program',
    '// What the roles and tools of this project take and give. Written by `codeband roles --types`; run it again after a change.',
    `import type { ChangeProduct, Plan, Verdict } from 'codeband'`,
    '',
    `declare module 'codeband' {`,
    '  interface Roles {',
    ...own.flatMap((role) => [
      `    ${comment(role.description)}`,
      `    ${/^[a-z]\w*$/.test(role.id) ? role.id : `'${role.id}'`}: ${typesOf(role)}`,
    ]),
    '  }',
    '  interface Tools {',
    ...(named.length === 0
      ? ['    /** No tool of its own: only the names that codeband knows compile. */', `    '': never`]
      : named.flatMap(({ name, description, input }) => [
          `    ${comment(description)}`,
          `    ${name}: ${schemaType(input, 'input')}`,
        ])),
    '  }',
    '}',
    '',
  ].join('\n')
}

const typesOf = (role: Role): string => `{ in: ${inputOf(role)}; out: ${outputOf(role)} }`

const inputOf = ({ input }: Role): string =>
  input === undefined ? 'Record<string, unknown>' : schemaType(input, 'input')

function outputOf({ produces, output }: Role): string {
  if (produces === 'change') return 'ChangeProduct'
  if (produces === 'plan') return 'Plan'
  if (produces === 'verdict') return 'Verdict'
  return output === undefined ? 'unknown' : schemaType(output, 'output')
}

const comment = (text: string): string => `/** ${text.replaceAll('*/', '* /').replace(/\s+/g, ' ').trim()} */`
