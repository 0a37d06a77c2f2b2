import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type Boundary, compileBoundary } from '../../../core/boundary/boundary.ts'
import { splitCommand } from '../../../core/boundary/command.ts'
import { matchesGlob } from '../../../core/boundary/glob.ts'
import { decidePath } from '../../../core/boundary/path.ts'
import type { Role } from '../../../core/role/role.ts'
import type { Fault } from './oracles.ts'
import { spelled, twist } from './spellings.ts'

const word = fc
  .record({
    base: fc.constantFrom('npm', 'test', '--noEmit', 'a b', '', '*'),
    by: fc.array(twist('all'), { maxLength: 2 }),
  })
  .map(({ base, by }) => spelled(base, by).slice(0, 200))
const segment = fc.constantFrom(
  'src',
  '**',
  '*',
  '*.ts',
  '?',
  'a*b*c',
  '{a,b}',
  '[id]',
  '(x)',
  '@(a|b)',
  '+',
  '!x',
  'a.ts',
)
const glob = fc.oneof(
  { weight: 4, arbitrary: fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{a,b}'.repeat(12),
      '**/'.repeat(300),
      '*a'.repeat(100),
      `${'{'.repeat(400)}a,b`,
      '!**',
      '',
    ),
  },
)
const path = fc
  .array(fc.constantFrom('src', 'a', 'b', 'a.ts', 'abc', 'axbxc', '[id]', '(x)', '.x', 'i'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join('/'))

const grants = fc.record({
  tests: fc.array(fc.array(word, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
  line: fc.option(fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '))),
  reads: fc.option(fc.array(glob, { maxLength: 2 })),
  writes: fc.option(fc.array(glob, { maxLength: 3 })),
  again: fc.boolean(),
})

type Grants = typeof grants extends fc.Arbitrary<infer T> ? T : never

function roleOf({ tests, line, reads, writes, again }: Grants): Role {
  return {
    id: 'fuzzed',
    description: 'Any.',
    tools: [
      { name: 'run_tests', allowedCommands: [...tests, ...(line === null ? [] : [line])] },
      { name: 'read_files', ...(reads === null ? {} : { paths: reads }) },
      'write_file',
      ...(again ? ['delete_file'] : []),
    ],
    ...(writes === null ? {} : { writes }),
  }
}

/** A boundary as the declaration that it stands for. */
function printed({ role, grants: lines, writes, spawnable }: Boundary): Role {
  return {
    id: role,
    description: 'Any.',
    tools: [...lines.values()].map(({ name, commands, hosts, paths }) => ({
      name,
      allowedCommands: commands.map((words) => [...words]),
      allowedHosts: [...hosts],
      ...(paths === undefined ? {} : { paths: [...paths] }),
    })),
    ...(writes === undefined ? {} : { writes: [...writes] }),
    spawnableRoles: [...spawnable],
  }
}

/** A policy that was written down and read again is the same policy, and its globs mean what they say. */
export function policyFault(report: (fault: Fault | undefined, line: string, answer: string) => void) {
  return fc.property(grants, fc.array(path, { minLength: 3, maxLength: 8 }), (given, paths) => {
    const role = roleOf(given)
    const { fault, answer } = faultOf(role, paths)
    report(fault, JSON.stringify({ role, paths }), answer)
    return fault === undefined
  })
}

function faultOf(role: Role, paths: readonly string[]): { fault?: Fault; answer: string } {
  const options = { worker: 'fuzzed-x-0', input: {} }
  const compiled = compileBoundary(role, options)
  if ('problems' in compiled) {
    const said = compiled.problems.every((problem) => problem.length > 10)
    return said ? { answer: 'refused' } : { answer: 'refused', fault: { rule: 'a refusal says why', detail: '' } }
  }
  const { boundary } = compiled
  const again = compileBoundary(JSON.parse(JSON.stringify(printed(boundary))) as Role, options)
  if ('problems' in again || !isDeepStrictEqual(again.boundary, boundary)) {
    return { answer: 'allowed', fault: { rule: 'a policy read again is the same', detail: JSON.stringify(again) } }
  }
  for (const argv of boundary.grants.get('run_tests')!.commands) {
    // As text it may be refused; it may not become another command.
    const split = splitCommand(argv.join(' '))
    const same = 'problem' in split || argv.some((one) => one === '' || one.includes(' '))
    if (!same && !isDeepStrictEqual(split.argv, [...argv])) {
      return { answer: 'allowed', fault: { rule: 'a command read again is the same', detail: JSON.stringify(argv) } }
    }
  }
  for (const globs of [boundary.writes, boundary.grants.get('read_files')!.paths]) {
    for (const one of paths) {
      if (globs === undefined || !matchesGlob(globs, one)) continue
      // Globs made to be slow would be slow here.
      const spelledOut = globs.some((glob) => glob.length > 60 || glob === one || fits(glob.split('/'), one.split('/')))
      if (!spelledOut && decidePath(one, 'write').allowed) {
        return { answer: 'allowed', fault: { rule: 'a glob fits only what it says', detail: `${globs} and ${one}` } }
      }
    }
  }
  return { answer: 'allowed' }
}

/** Globs once more, slow and plain: at least everything that a glob may ever mean. */
function fits(glob: readonly string[], parts: readonly string[]): boolean {
  const [first, ...rest] = glob
  if (first === undefined) return parts.length === 0
  if (first === '**') return fits(rest, parts) || (parts.length > 0 && fits(glob, parts.slice(1)))
  // An alternative may hold a '/', and so may stand for several parts.
  if (/[{[]/.test(first)) return parts.some((_, at) => fits(rest, parts.slice(at + 1)))
  return parts.length > 0 && letters([...first], [...parts[0]!]) && fits(rest, parts.slice(1))
}

function letters(glob: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = glob
  if (first === undefined) return text.length === 0
  if (first === '*') return letters(rest, text) || (text.length > 0 && letters(glob, text.slice(1)))
  return text.length > 0 && (first === '?' || first === text[0]) && letters(rest, text.slice(1))
}
