// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source
import type { Mutant } from '../mutant.ts'

const sqlite = 'adapters/event-stores/sqlite'
const suites = (...names: string[]): string[] => names.map((name) => `test/adapters/event-stores/${name}.test.ts`)

export const store: readonly Mutant[] = [
  {
    name: 'a commit is not synced',
    file: `${sqlite}/open.ts`,
    find: "db.exec('PRAGMA synchronous = FULL')",
    replace: "db.exec('PRAGMA synchronous = NORMAL')",
    killers: suites('sqlite'),
  },
  {
    name: 'a commit is not synced, and the check of it is gone',
    file: `${sqlite}/open.ts`,
    find: "    ['synchronous', 2],\n",
    replace: "    ['synchronous', (db.exec('PRAGMA synchronous = NORMAL'), 1)],\n",
    killers: suites('sqlite/durable'),
  },
  {
    name: 'a writer that leads no more is heard',
    file: `${sqlite}/writer.ts`,
    find: 'one.lead.epoch !== record.epoch || record.holder === null',
    replace: 'one.lead.epoch > record.epoch || record.holder === null',
    killers: suites('sqlite'),
  },
  {
    name: 'two appends at one version both win',
    file: `${sqlite}/writer.ts`,
    find: 'if (one.expected === end) return undefined',
    replace: 'if (one.expected <= end) return undefined',
    killers: suites('sqlite'),
  },
  {
    name: 'a lost end of the log is not noticed',
    file: `${sqlite}/writer.ts`,
    find: 'if (point.seq > end.seq) {',
    replace: 'if (point.seq > end.seq + 1e9) {',
    killers: suites('sqlite/damage', 'sqlite/flips'),
  },
  {
    name: 'a log that was exchanged is not noticed',
    file: `${sqlite}/writer.ts`,
    find: "if (!log.holds(point)) throw damaged(file, point.seq, 'its checkpoint knows another event')",
    replace: '',
    killers: suites('sqlite/damage', 'sqlite/flips'),
  },
  {
    name: 'a changed event is not noticed',
    file: `${sqlite}/log.ts`,
    find: "if (hash !== stored) throw damaged(file, seq, 'its content does not fit the chain')",
    replace: 'hash = stored',
    killers: suites('sqlite/damage', 'sqlite/flips'),
  },
  {
    name: 'a hole in the log is not noticed',
    file: `${sqlite}/log.ts`,
    find: 'if (at !== seq) throw damaged(file, seq, `it is missing; the next one is ${at}`)',
    replace: 'seq = at',
    killers: suites('sqlite/damage', 'sqlite/flips'),
  },
  {
    name: 'after a failed sync it writes on',
    file: `${sqlite}/writer.ts`,
    find: 'if (isWriteFailure(error)) broken = error',
    replace: '',
    killers: suites('sqlite/medium'),
  },
  {
    name: 'it answers before the commit',
    file: `${sqlite}/writer.ts`,
    find: '          return log.write(tip, events)\n',
    replace:
      '          for (const one of batch) if (!refused.has(one)) one.done()\n          return log.write(tip, events)\n',
    killers: suites('sqlite/durable', 'sqlite/crash', 'sqlite/medium'),
  },
]
