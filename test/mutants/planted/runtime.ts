import type { Mutant } from '../mutant.ts'

const log = 'core/runtime/log.ts'
const program = 'core/runtime/program.ts'
const suites = (...names: string[]): string[] => names.map((name) => `test/runtime/${name}.test.ts`)

export const runtime: readonly Mutant[] = [
  {
    name: 'an answer comes before its events are written',
    file: log,
    find: 'if (events.length > 0) await store.append(events, version, lead)',
    replace: 'if (events.length > 0) void store.append(events, version, lead).catch(() => undefined)',
    killers: suites('log', 'log-faults'),
  },
  {
    name: "what another process wrote meanwhile ends this one's command",
    file: log,
    find: "if (!CodebandError.is(error, 'CB_VERSION_CONFLICT')) throw error",
    replace: 'throw error',
    killers: suites('log'),
  },
  {
    name: 'an event of an unknown type is skipped',
    file: log,
    find: "if (!event) throw new CodebandError('CB_EVENT_VERSION', { type: stored.type, seq: stored.seq })",
    replace: 'if (!event) continue',
    killers: suites('log', 'log-faults'),
  },
  {
    name: 'after a failed append commands are answered',
    file: log,
    find: '    failure ??= error\n',
    replace: '',
    killers: suites('log'),
  },
  {
    name: 'a dispatch that is refused in the middle has half happened',
    file: log,
    find: 'if (isRejection(answer)) return answer\n        for (const event of answer) next',
    replace:
      'if (isRejection(answer)) {\n          events.push(...mine)\n          return answer\n        }\n        for (const event of answer) next',
    killers: suites('log'),
  },
  {
    name: 'secrets go into the log',
    file: log,
    find: 'queue.push({ requests: redact(requests), settle, fail })',
    replace: 'queue.push({ requests, settle, fail })',
    killers: suites('redact'),
  },
  {
    name: 'an effect that has ended is done again',
    file: program,
    find: '    if (entry?.end) return entry.end\n',
    replace: '',
    killers: [...suites('repeat'), 'test/kills/moments.test.ts'],
  },
  {
    name: 'an effect has no intent in the log',
    file: program,
    find: "if (entry === undefined) await log.must({ type: 'BeginEffect', task: taskId, place, effect: summary })",
    replace: '',
    killers: suites('repeat', 'depth'),
  },
  {
    name: 'what a turn left is removed and told to nobody',
    file: 'core/runtime/audit.ts',
    find: 'if (strays.length === 0) return',
    replace: 'if (strays.length >= 0) return',
    killers: ['test/escapes/strays.test.ts'],
  },
  {
    name: 'a client that goes on after its turn fills the log',
    file: 'core/runtime/door.ts',
    find: 'if (count++ < most) {',
    replace: 'if (count++ < most * 2) {',
    killers: suites('late-calls'),
  },
  {
    name: 'a client that core has stopped is heard until it stops',
    file: 'core/runtime/turn.ts',
    find: 'if (isLate(callSignal)) return late(tool, given)',
    replace: '',
    killers: suites('late-calls'),
  },
  {
    name: 'the client of a turn that failed calls in the next one',
    file: 'core/runtime/play.ts',
    find: '    door = openDoor()\n',
    replace: '',
    killers: suites('late-calls'),
  },
  {
    name: 'a call that must not be repeated is repeated after a crash',
    file: 'core/runtime/work.ts',
    find: "if (again && custom && custom.repeat !== 'safe') {",
    replace: "if (again && custom && custom.repeat === ('often' as string)) {",
    killers: suites('repeat'),
  },
  {
    name: 'spawning goes one deeper than it may',
    file: program,
    find: 'if (scope.depth >= scope.deepest)',
    replace: 'if (scope.depth > scope.deepest)',
    killers: suites('depth'),
  },
  {
    name: "a reviewer's program makes its verdict milder",
    file: 'core/protocol/verdict.ts',
    find: 'decisions.indexOf(a.decision) >= decisions.indexOf(b.decision) ? a.decision : b.decision',
    replace: 'decisions.indexOf(a.decision) <= decisions.indexOf(b.decision) ? a.decision : b.decision',
    killers: suites('second-review'),
  },
  {
    name: 'the first failed item of `each` hides a halt',
    file: 'core/runtime/journal.ts',
    find: 'if (halt !== undefined) throw halt\n',
    replace: '',
    killers: suites('journal'),
  },
  {
    name: 'an item does not wait for the items it depends on',
    file: 'core/runtime/journal.ts',
    find: 'await Promise.all((after[index] ?? []).map(start))',
    replace: 'void (after[index] ?? []).map(start)',
    killers: suites('journal'),
  },
  {
    name: 'more branches than a role may have',
    file: 'core/runtime/journal.ts',
    find: 'if (programs.length > fanOut) {',
    replace: 'if (programs.length > fanOut + 100) {',
    killers: suites('journal', 'bounds', 'depth'),
  },
  {
    name: 'failed checks count as passed',
    file: 'core/runtime/checks/run-checks.ts',
    find: 'if (!isGreen(result)) return { passed: false',
    replace: 'if (result.exitCode === null) return { passed: false',
    killers: ['test/cli/landing.test.ts > checks that are red on the merged tree'],
  },
  {
    name: 'the no of a person is not about the change',
    file: 'core/runtime/merge.ts',
    find: "if (status !== 'refused') continue",
    replace: "if (status !== 'stale') continue",
    killers: ['test/cli/approvals.test.ts > a change above the policy parks'],
  },
]
