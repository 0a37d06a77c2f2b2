import fc from 'fast-check'
import { spelled, type Twist, twist } from './spellings.ts'

/** One file of a patch, in the words of no grammar. */
export interface Section {
  readonly form: 'add' | 'delete' | 'update' | 'move' | 'mode' | 'link' | 'rename' | 'binary' | 'copy'
  readonly file: number
  readonly to: number
  readonly twists: readonly Twist[]
  /** Where its hunk says that it is. */
  readonly line: number
  readonly after: boolean
}

export interface PatchPlan {
  readonly grammar: 'unified' | 'git' | 'apply_patch'
  readonly sections: readonly Section[]
  readonly scars: readonly { readonly kind: (typeof scarKinds)[number]; readonly at: number }[]
}

const scarKinds = ['crlf', 'double', 'cut', 'blank', 'quoted', 'header', 'end', 'count', 'tab'] as const

/** Files as the room has them, with a line to take out; then names that are not there. */
const files: readonly { path: string; line?: string }[] = [
  { path: 'src/a.ts', line: 'export const one = 1' },
  { path: 'README.md', line: '# Sample' },
  { path: 'src/windows.ts', line: 'two' },
  { path: 'lib/b.ts', line: 'export const two = 2' },
  { path: 'package.json', line: '{ "name": "x", "version": "1.0.0", "scripts": { "test": "node test.js" } }' },
  { path: '.npmrc', line: 'ignore-scripts=true' },
  { path: 'hard.txt', line: 'shared' },
  { path: 'outfile.txt', line: 'x' },
  { path: 'src/new.ts' },
  { path: 'src/New.ts' },
  { path: 'src/new.ts/below.ts' },
  { path: 'made/HEAD' },
  { path: 'made/objects/x' },
  { path: 'made/refs/heads/main' },
  { path: '.git/config' },
  { path: '.agents/x.ts' },
  { path: '../outside/w.txt' },
  { path: 'out/w.txt' },
  { path: '{ROOT}/src/absolute.ts' },
  { path: '/dev/null' },
  { path: 'codeband.config.ts' },
]

export const patchPlans: fc.Arbitrary<PatchPlan> = fc.record({
  grammar: fc.constantFrom('unified', 'git', 'apply_patch'),
  sections: fc.array(
    fc.record({
      form: fc.oneof(
        {
          weight: 6,
          arbitrary: fc.constantFrom('add' as const, 'update' as const, 'move' as const, 'delete' as const),
        },
        {
          weight: 2,
          arbitrary: fc.constantFrom(
            'mode' as const,
            'link' as const,
            'rename' as const,
            'binary' as const,
            'copy' as const,
          ),
        },
      ),
      file: fc.nat(files.length - 1),
      to: fc.nat(files.length - 1),
      twists: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(twist('paths'), { minLength: 1, maxLength: 2 }) },
      ),
      line: fc.oneof(fc.nat(3), fc.constantFrom(0, 999_999_999, 4_294_967_296)),
      after: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  scars: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.record({ kind: fc.constantFrom(...scarKinds), at: fc.nat(30) }), {
        minLength: 1,
        maxLength: 2,
      }),
    },
  ),
})

export function patchOf({ grammar, sections, scars }: PatchPlan): string {
  const lines = sections.flatMap(grammar === 'apply_patch' ? applySection : (one) => unifiedSection(one, grammar))
  const whole = grammar === 'apply_patch' ? ['*** Begin Patch', ...lines, '*** End Patch'] : lines
  return scars.reduce(scarred, `${whole.join('\n')}\n`)
}

function namesOf({ file, to, twists }: Section): { path: string; target: string; line: string | undefined } {
  return {
    path: spelled(files[file]!.path, twists),
    target: spelled(files[to]!.path, twists),
    line: files[file]!.line,
  }
}

function applySection(section: Section): string[] {
  const { form, after } = section
  const { path, target, line = 'nothing' } = namesOf(section)
  const hunk = [after ? `@@ ${line}` : '@@', `-${line}`, `+${line} //`]
  if (form === 'add' || form === 'link') return [`*** Add File: ${path}`, '+added']
  if (form === 'delete' || form === 'binary') return [`*** Delete File: ${path}`]
  if (form === 'move' || form === 'rename' || form === 'copy') {
    return [`*** Update File: ${path}`, `*** Move to: ${target}`, ...(form === 'move' ? hunk : [])]
  }
  return [`*** Update File: ${path}`, ...hunk, ...(form === 'mode' ? ['*** End of File'] : [])]
}

function unifiedSection(section: Section, grammar: PatchPlan['grammar']): string[] {
  const { form, line: at } = section
  const { path, target, line = 'nothing' } = namesOf(section)
  const isGit = grammar === 'git'
  const a = isGit ? `a/${path}` : path
  const b = isGit ? `b/${path}` : path
  const head = isGit ? [`diff --git ${a} ${b}`] : []
  const change = [`@@ -${at} +${at} @@`, `-${line}`, `+${line} //`]
  switch (form) {
    case 'add':
      return [...head, '--- /dev/null', `+++ ${b}`, '@@ -0,0 +1 @@', '+added']
    case 'link':
      return [...head, 'new file mode 120000', '--- /dev/null', `+++ ${b}`, '@@ -0,0 +1 @@', '+/etc']
    case 'delete':
      return [...head, `--- ${a}`, '+++ /dev/null', '@@ -1 +0,0 @@', `-${line}`]
    case 'mode':
      return [...head, 'old mode 100644', 'new mode 100755', `--- ${a}`, `+++ ${b}`, ...change]
    case 'rename':
      return [`diff --git ${a} b/${target}`, 'similarity index 100%', `rename from ${path}`, `rename to ${target}`]
    case 'copy':
      return [`diff --git ${a} b/${target}`, `copy from ${path}`, `copy to ${target}`]
    case 'binary':
      return [...head, 'GIT binary patch', 'literal 1', 'I0']
    case 'move':
      return [...head, `--- ${a}`, `+++ ${isGit ? 'b/' : ''}${target}`, ...change]
    case 'update':
      return [...head, `--- ${a}`, `+++ ${b}`, ...change]
  }
}

function scarred(patch: string, { kind, at }: PatchPlan['scars'][number]): string {
  const lines = patch.split('\n')
  const place = at % lines.length
  const chosen = lines[place]!
  const put = (...made: string[]): string => [...lines.slice(0, place), ...made, ...lines.slice(place + 1)].join('\n')
  switch (kind) {
    case 'crlf':
      return patch.replaceAll('\n', '\r\n')
    case 'double':
      return put(chosen, chosen)
    case 'cut':
      return put()
    case 'blank':
      return put(` ${chosen}`)
    case 'quoted':
      return put(chosen.replace(/^(--- |\+\+\+ )(.*)$/, (_, sign, name) => `${sign}"${octal(name)}"`))
    case 'header':
      return put('--- a/.npmrc', '+++ b/.npmrc', chosen)
    case 'end':
      return put(chosen, '*** End of File', '\\ No newline at end of file')
    case 'count':
      return put(chosen.replace(/\d+/, '2'))
    case 'tab':
      return put(`${chosen}\t2026-01-01`)
  }
}

/** As git quotes a name: every byte in octal. */
const octal = (name: string): string =>
  [...Buffer.from(name)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
