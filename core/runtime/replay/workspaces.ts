import type { PartFacts } from '../../boundary/gate.ts'
import { CodebandError } from '../../errors.ts'
import type { KeptCommits, MergeItem, Workspaces, Worktree, WorktreeChange } from '../../ports/workspace.ts'
import { taskOf } from '../../protocol/state.ts'
import { halfOf, type RecordedChecks } from './checks.ts'
import type { OrderedLog } from './ordered-log.ts'
import type { Recording } from './recording.ts'

/** A worktree that is nowhere: its commit is known, its files are not touched. */
export interface RecordedWorktree extends Worktree {
  readonly tracked: ReadonlyMap<string, PartFacts['kind']>
  /** Where a program calls a tool here; undefined: a model plays here. */
  place?: string | undefined
  /** The text of a file as the turn left it. */
  after(path: string): Promise<string | undefined>
}

const conflictBelow = /^the changes it builds on conflict in ([\s\S]*)$/

/** Commits are named, never made; refs are where they were. */
export function recordedWorkspaces(
  recording: Recording,
  log: OrderedLog,
  kept: KeptCommits,
  { root, home, checks }: { root: string; home: string; checks: RecordedChecks },
): Workspaces {
  const { task } = recording
  const state = () => taskOf(log.state, task)!
  const listings = new Map<string, Promise<ReadonlyMap<string, PartFacts['kind']>>>()

  /** Where the branch was: as the next event of this life that tells it says, else as the last one did. */
  function tip(): string {
    const known = state()
    const seen = recording.inLife(['TaskStarted', 'CandidateBuilt', 'ChangeReturned', 'ChangeSubmitted'], (event) => {
      if (event.type === 'ChangeReturned') return event.reason === 'conflict'
      // A change that begins anew begins at the branch, unless it builds on others.
      return event.type !== 'ChangeSubmitted' || isAfresh(event)
    })
    if (seen?.type === 'ChangeReturned') {
      const short = / at ([0-9a-f]+) in /.exec(seen.detail)?.[1] ?? ''
      const all = recording.events.flatMap((event) =>
        'base' in event ? [event.base] : 'to' in event ? [event.to] : [],
      )
      return all.find((commit) => commit.startsWith(short)) ?? short.padEnd(known.base!.length, '0')
    }
    if (seen) return seen.base
    const before = recording.behind(['Landed', 'CandidateBuilt', 'TaskStarted'])
    return before?.type === 'Landed' ? before.to : (before?.base ?? known.base!)
  }

  function isAfresh({ subject, base, input }: { subject: string; base: string; input: unknown }): boolean {
    const last = state()?.subjects[subject]
    return last?.status === 'returned' && last.base !== base && neededBy(input).length === 0
  }

  function neededBy(input: unknown): readonly string[] {
    const { subtask } = (input ?? {}) as { subtask?: { dependsOn?: readonly string[] } }
    return (subtask?.dependsOn ?? []).flatMap((id) => state().subjects[`change/${id}`]?.on ?? [])
  }

  const equal = (a: readonly string[], b: readonly string[]): boolean =>
    a.length === b.length && a.every((one, index) => one === b[index])

  async function merge(base: string, items: readonly MergeItem[]): ReturnType<Workspaces['merge']> {
    const commits = items.map(({ commit }) => commit)
    const isCandidate = items[0]!.message.includes('\nCodeband-Task: ')
    if (isCandidate) return candidate(base, commits)
    // Whether what came back can go on: it is merged with the branch under its own name.
    if (items.length === 1 && items[0]!.message === commits[0]) {
      const mine = Object.values(state().subjects).find(({ on }) => on === commits[0])
      const again = recording.ahead(['ChangeSubmitted'], ({ subject }) => subject === mine?.id)
      if (again === undefined || again.base === mine?.base) return { commit: commits[0]!, tree: '' }
      return { conflict: { index: 0, files: [], detail: '' } }
    }
    // What a change builds on.
    const onTop = recording.ahead(['ChangeSubmitted'], ({ input }) => equal(neededBy(input), commits))
    if (onTop) return { commit: onTop.base, tree: '' }
    const failed = recording.ahead(['EffectFailed'], ({ reason }) => conflictBelow.test(reason))
    const files = failed && conflictBelow.exec(failed.reason)?.[1]
    return files === undefined
      ? { commit: base, tree: '' }
      : { conflict: { index: 0, files: files.split(', '), detail: '' } }
  }

  async function candidate(base: string, commits: readonly string[]): ReturnType<Workspaces['merge']> {
    const next = recording.inLife(
      ['CandidateBuilt', 'ChangeReturned'],
      (event) => event.type === 'CandidateBuilt' || event.reason !== 'refused',
    )
    if (next?.type === 'CandidateBuilt') {
      const of = next.changes.map(({ commit }) => commit)
      if (next.base === base && equal(of, commits)) return { commit: next.commit, tree: next.tree }
    } else if (next?.reason === 'conflict' && commits.includes(next.commit)) {
      const files = / in ([\s\S]*)\. Make the change again/.exec(next.detail)?.[1] ?? ''
      return { conflict: { index: commits.indexOf(next.commit), files: files.split(', '), detail: '' } }
    } else if (next?.reason === 'checks') return { commit: halfOf(commits), tree: '' }
    return log.diverge({
      what: 'merge',
      before: next?.type === 'CandidateBuilt' ? next.changes.map(({ commit }) => commit).join(', ') : 'no merge',
      now: `a merge of ${commits.join(', ')} into ${base}`,
    })
  }

  return {
    root,
    store: `${home}/repo.git`,
    currentBranch: async () => state().policy.target,
    tip: async () => tip(),
    // Nothing is set up again.
    landedBelow: async (commit) => commit,
    async checkout(worker, commit) {
      const path = `${home}/worktrees/${worker}`
      if (worker !== 'mergemaster') {
        const listing = listings.get(commit) ?? log.busy(kept.paths(commit))
        listings.set(commit, listing)
        return openWorktree(recording, kept, log, { path, worker, commit, tracked: await listing })
      }
      checks.begin(commit)
      return openWorktree(recording, kept, log, { path, worker, commit, tracked: new Map() })
    },
    merge,
    async reword(_, of, { author }) {
      const named = recording.ahead(['ChangeSubmitted'], ({ worker }) => worker === author.name)
      return named ? { commit: named.commit, tree: named.tree } : { commit: of, tree: '' }
    },
    diff: (base, commit) => log.busy(kept.diff(base, commit)),
    patch: (base, commit, max) => log.busy(kept.patch(base, commit, max)),
    read: (commit, path) => log.busy(kept.read(commit, path)),
    tree: (commit) => log.busy(kept.tree(commit)),
    paths: (commit) => log.busy(kept.paths(commit)),
    async land() {
      const end = recording.inLife(['Landed', 'LandingRefused'])
      if (end === undefined) return new Promise(() => undefined)
      if (end.type === 'Landed') return { status: 'landed' }
      if (end.reason === 'moved') return { status: 'moved', tip: / is at (\S+)$/.exec(end.detail)?.[1] ?? '' }
      const [, checkout = '', files = ''] =
        /^'([\s\S]*)' has changes of its own \(([\s\S]*)\): commit or stash/.exec(end.detail) ?? []
      return { status: 'dirty', checkout, files: files.split(', ') }
    },
    keep: async () => undefined,
    close: async () => undefined,
  }
}

function openWorktree(
  recording: Recording,
  { diff, read }: KeptCommits,
  log: OrderedLog,
  start: { path: string; worker: string; commit: string; tracked: RecordedWorktree['tracked'] },
): RecordedWorktree {
  let { commit } = start
  const turn = (): string | undefined =>
    recording.behind(['TurnStarted'], ({ worker }) => worker === start.worker)?.turn

  /** The commit that what was done here last left, if it left one. */
  function left(): { commit: string; tree: string } | undefined {
    const { place } = worktree
    if (place === undefined) return recording.saved(turn() ?? '')
    const end = recording.end(place)
    const made = end?.type === 'EffectEnded' ? (end.result as { commit?: string }).commit : undefined
    return made === undefined ? undefined : { commit: made, tree: '' }
  }

  async function changes(): Promise<readonly WorktreeChange[]> {
    const surprise = surpriseOf()
    const tooMuch = surprise && /^it left ([\s\S]*), and all of it was thrown away$/.exec(surprise)?.[1]
    if (tooMuch) throw new CodebandError('CB_CHANGE_LIMIT', { worktree: start.path, detail: tooMuch })
    if (surprise !== undefined) return changedIn(surprise)
    const after = left()
    if (after === undefined || after.commit === commit) return strays()
    const files = await log.busy(diff(commit, after.commit))
    const kept = files.flatMap(({ path, from, status }): WorktreeChange[] => [
      ...(from === undefined ? [] : [{ path: from, status: 'deleted' as const, tracked: true }]),
      {
        path,
        status: status === 'renamed' ? 'added' : status,
        tracked: status !== 'added' && status !== 'renamed',
      },
    ])
    return [...kept, ...strays()]
  }

  /** What was removed. More than are named: the last one again is enough for the same count. */
  function strays(): WorktreeChange[] {
    const { place } = worktree
    const told = (place === undefined ? recording.turn(turn() ?? '') : recording.events).find(
      (event) => event.type === 'StraysRemoved' && event.place === place,
    )
    if (told?.type !== 'StraysRemoved') return []
    const paths = Array.from({ length: told.count }, (_, index) => told.paths[index] ?? told.paths.at(-1)!)
    return paths.map((path) => ({ path, status: 'added', tracked: false }))
  }

  function surpriseOf(): string | undefined {
    if (worktree.place !== undefined) {
      const end = recording.end(worktree.place)
      return end?.type === 'EffectFailed' ? /^'[^']*' was void: ([\s\S]*)$/.exec(end.reason)?.[1] : undefined
    }
    const events = recording.turn(turn() ?? '')
    const found = events.find((event) => event.type === 'ViolationRecorded' && isOfAudit(event))
    return found?.type === 'ViolationRecorded' ? found.reason : undefined
  }

  const worktree: RecordedWorktree = {
    path: start.path,
    tracked: start.tracked,
    get commit() {
      return commit
    },
    changes,
    trackedChanges: async () => [],
    discard: async () => undefined,
    files: async () => [],
    settle: async () => undefined,
    watch: async () => async () => pathsIn(surpriseOf()).filter(isRecord),
    restore: async () => undefined,
    async save() {
      const saved = left()
      if (saved) commit = saved.commit
      return saved
    },
    async after(path) {
      // How the key was changed is not recorded, only that it was: nothing that is JSON says so.
      if (surpriseOf()?.startsWith("it changed the 'codeband' key")) return 'changed'
      const saved = left()
      return saved && read(saved.commit, path)
    },
    patch: async () => '',
    log: async () => '',
  }
  return worktree
}

/** A model may call a tool of that name: it is denied by another rule. */
const isOfAudit = ({ tool, code, reason }: { tool: string; code: string; reason: string }): boolean =>
  tool === 'audit' && (code === 'protected-path' || (code === 'payload' && reason.startsWith('it left ')))

/** The paths that a void turn had changed, from the words that voided it. */
function pathsIn(reason = ''): string[] {
  const words = reason.replace(/, which [\s\S]*$/, '').replace(/^it changed the 'codeband' key of /, '')
  const named = [...words.matchAll(/'([^']*)'/g)].map(([, path]) => path!)
  // More than are named: one more is enough for the same words.
  return words.endsWith(', ...') ? [...named, named.at(-1)!] : named
}

/** Whether a path is one of core's own records. */
const isRecord = (path: string): boolean => path.startsWith('repo.git/')

function changedIn(reason: string): WorktreeChange[] {
  const paths = pathsIn(reason).filter((path) => !isRecord(path))
  return paths.map((path) => ({ path, status: 'modified', tracked: true }))
}
