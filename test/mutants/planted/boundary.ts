// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source
import type { Mutant } from '../mutant.ts'

const suites = (...names: string[]): string[] => names.map((name) => `test/boundary/${name}.test.ts`)
const gate = 'core/boundary/gate.ts'
const path = 'core/boundary/path.ts'

export const boundary: readonly Mutant[] = [
  {
    name: 'a granted command may be continued',
    file: 'core/boundary/command.ts',
    find: 'one.length === words.length && one.every(',
    replace: 'one.every(',
    killers: suites('command'),
  },
  {
    name: 'a command with a shell operator is split at its blanks',
    file: 'core/boundary/command.ts',
    find: 'if (operator !== undefined) {',
    replace: "if (operator === '') {",
    killers: suites('command'),
  },
  {
    name: 'a path leaves the worktree upwards',
    file: path,
    find: "return relative === '..' || relative.startsWith('../') || posix.isAbsolute(relative)",
    replace: "return relative === '..' || posix.isAbsolute(relative)",
    killers: suites('path'),
  },
  {
    name: 'a path beside the worktree counts as inside by its beginning',
    file: path,
    find: "posix.relative(posix.normalize(root), posix.normalize(path)) || '.'",
    replace: "(path.startsWith(root) ? path.slice(root.length).replace(/^\\/+/, '') || '.' : undefined)",
    killers: suites('path'),
  },
  {
    name: 'a protected path may be written',
    file: path,
    find: "if (rule && (access === 'write' || !rule.readable)) {",
    replace: 'if (rule && !rule.readable) {',
    killers: suites('path'),
  },
  {
    name: "what is not among the role's writes may be written",
    file: path,
    find: "if (access === 'write' && boundary.writes !== undefined && !matchesGlob(boundary.writes, path)) {",
    replace: "if (access === 'write' && boundary.writes?.length === 0) {",
    killers: suites('gate', 'path'),
  },
  {
    name: 'a write follows a symbolic link',
    file: gate,
    find: "if (links.some(({ kind }) => kind === 'symlink')) {",
    replace: "if (links.every(({ kind }) => kind === 'symlink')) {",
    killers: suites('gate'),
  },
  {
    name: 'a write goes through a hard link',
    file: gate,
    find: "if (!isDelete && last?.kind === 'file' && last.links !== 1) {",
    replace: "if (!isDelete && last?.kind === 'file' && last.links === 0) {",
    killers: suites('gate'),
  },
  {
    name: 'a read follows a link out of the worktree',
    file: gate,
    find: "if (linked && leads === 'outside') return deny",
    replace: "if (linked && leads === 'nowhere') return deny",
    killers: suites('gate'),
  },
  {
    name: 'what is not known is allowed',
    file: gate,
    find: "if (found === undefined) return deny('policy-unavailable', `Nothing is known about '${shown(use.path)}'.`)",
    replace: 'if (found === undefined) return allowed',
    killers: suites('gate'),
  },
  {
    name: 'two names that differ by case are two files',
    file: 'core/boundary/new-name.ts',
    find: "if (other === name || (fold(other) !== key && other.normalize('NFC') !== name.normalize('NFC'))) continue",
    replace: "if (other === name || (key !== '' && other.normalize('NFC') !== name.normalize('NFC'))) continue",
    killers: suites('gate'),
  },
  {
    name: 'a role spawns whom it may not',
    file: gate,
    find: 'if (boundary.spawnable.includes(use.role)) return allowed',
    replace: 'if (boundary.spawnable.length > 0) return allowed',
    killers: suites('gate'),
  },
  {
    name: 'a tool that the role does not have is run',
    file: gate,
    find: 'if (grants.has(tool)) return allowed',
    replace: 'if (grants.size > 0) return allowed',
    killers: suites('gate'),
  },
  {
    name: 'a generator widens its role',
    file: 'core/boundary/boundary.ts',
    find: "    if (entries.length === 0) problems.push(`the generator asked for '${name}', which 'optionalTools' does not name`)\n    for (const entry of entries) add(entry)",
    replace: '    for (const entry of entries.length === 0 ? [name as ToolName] : entries) add(entry)',
    killers: suites('boundary'),
  },
  {
    name: 'a host is granted by its end',
    file: 'core/boundary/host.ts',
    find: 'if (hosts.includes(parsed.host)) return allowed',
    replace: 'if (hosts.some((host) => parsed.host.endsWith(host))) return allowed',
    killers: suites('gate'),
  },
  {
    name: 'a file that the checks name is of low risk',
    file: 'core/boundary/risk.ts',
    find: "add('critical', 'is named by a check, so it decides what passing means', at)",
    replace: "add('low', 'is named by a check, so it decides what passing means', at)",
    killers: suites('risk'),
  },
  {
    name: 'a deleted file is of low risk',
    file: 'core/boundary/risk.ts',
    find: "  if (status === 'deleted') add('high', 'is deleted')\n",
    replace: '',
    killers: suites('risk'),
  },
]
