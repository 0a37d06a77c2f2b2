/** One repository: the one a person pointed at, and core's own bare clone of it where all work happens. The only writer of refs. */
export interface Workspaces {
  /** The person's repository: its top folder. */
  readonly root: string
  /** Core's bare clone. */
  readonly store: string
  /** The branch checked out at `root`, undefined on a detached HEAD. */
  currentBranch(): Promise<string | undefined>
  /** The commit of a branch in the person's repository, its objects brought into the store.
   *  CB_REPO_EMPTY without any commit, CB_REF_UNKNOWN without that branch. */
  tip(branch: string): Promise<string>
  /** What `commit` is built on of that which a person has: itself where a branch that `tip` has told holds it, else the first such commit
   *  below it by first parents. Contract: never one with a change in it that only waits to land. */
  landedBelow(commit: string): Promise<string>
  /** Contract: the worktree of that worker, at exactly `commit`, with nothing else in it (with `keepIgnored`, ignored files of the
   *  last use stay). Its files belong to no other worker. Creates it when needed; calls are queued per repository. */
  checkout(worker: string, commit: string, options?: { keepIgnored?: boolean }): Promise<Worktree>
  /** One commit over `base` with the tree of a merge of all `commits` in order, made in memory; nothing moves.
   *  Contract: the same arguments give the same commit id. */
  merge(
    base: string,
    commits: readonly MergeItem[],
  ): Promise<{ commit: string; tree: string } | { conflict: MergeConflict }>
  /** One pinned commit over `parent` with the tree of `of`. Contract: the same arguments give the same commit id. */
  reword(
    parent: string,
    of: string,
    options: { message: string; author: { name: string; email: string }; at: number },
  ): Promise<{ commit: string; tree: string }>
  /** Files that differ between two commits. */
  diff(base: string, commit: string): Promise<readonly FileDiff[]>
  /** Unified diff between two commits, cut at `maxBytes`. */
  patch(base: string, commit: string, maxBytes?: number): Promise<string>
  /** The text of a file at a commit; undefined when there is none, or it is larger than 8 MiB. */
  read(commit: string, path: string): Promise<string | undefined>
  /** The tree of a commit. */
  tree(commit: string): Promise<string>
  /** Every path of a commit, folders included, and what lies there. */
  paths(commit: string): Promise<ReadonlyMap<string, 'file' | 'directory' | 'symlink' | 'other'>>
  /** Moves the branch in the person's repository from exactly `from` to `to` (compare-and-swap), and with it every clean checkout of the
   *  branch. Contract: done entirely or not at all; repeating it after it was done answers 'landed' again (also when a crash
   *  came between the ref and the checkout, which it then finishes). */
  land(branch: string, from: string, to: string): Promise<LandingResult>
  /** Pins a commit against garbage collection for ever. */
  keep(commit: string): Promise<void>
  close(): Promise<void>
}

/** The commits that are kept of a repository, to be looked at: nothing of it writes. */
export type KeptCommits = Pick<Workspaces, 'diff' | 'patch' | 'read' | 'tree' | 'paths'>

export interface MergeItem {
  commit: string
  /** Message of the merge commit. */
  message: string
  /** Milliseconds since the epoch; author and committer date of the merge commit. */
  at: number
}

export interface MergeConflict {
  /** Which of the items conflicted. */
  index: number
  files: readonly string[]
  detail: string
}

export type LandingResult =
  | { status: 'landed' }
  /** The branch is somewhere else: decide again. */
  | { status: 'moved'; tip: string }
  /** A checkout of the branch has changes that landing would touch or mix with: any tracked change, an untracked file in the way (an
   *  ignored one too), or git in the middle of something (`.git/MERGE_HEAD`). Nothing moved. */
  | { status: 'dirty'; checkout: string; files: readonly string[] }

export interface FileDiff {
  path: string
  /** Before a rename. */
  from?: string
  status: 'added' | 'modified' | 'deleted' | 'renamed' | 'type-changed'
  /** Lines; undefined for a binary file. */
  added?: number
  deleted?: number
  /** File modes as git has them (`100644`, `100755`, `120000`, `160000`), 000000 for none. */
  oldMode: string
  newMode: string
}

export interface Worktree {
  readonly path: string
  /** The commit it was last put at. */
  readonly commit: string
  /** Differences between the files and `commit`; ignored files are left out, untracked files are named one by one.
   *  Contract: nothing in the files can make it run anything. A `.git` anywhere and files in the place of a submodule are named, though
   *  no commit can hold them; the worktree's own `.git`, changed, counts as tracked. Bytes of a name that are not UTF-8 appear as lone
   *  surrogates U+DC80 to U+DCFF, in every name this port gives and takes. Where there are more than one change may hold: CB_CHANGE_LIMIT,
   *  from everything here that looks at the files, without all of them in memory and before any is in the store. */
  changes(): Promise<readonly WorktreeChange[]>
  /** Those of `changes` that git knew. */
  trackedChanges(): Promise<readonly WorktreeChange[]>
  /** Every file git would track: tracked ones and untracked ones that are not ignored; sorted, relative, with '/'. */
  files(): Promise<readonly string[]>
  /** Marks what is untracked now (what `setup` left behind) as none of the worker's: `changes`, `files` and `save` do not see it; a folder
   *  that held nothing tracked counts as a whole, with what comes into it later. Lasts until the next `checkout` without `keepIgnored`. */
  settle(): Promise<void>
  /** Begins to watch core's own records: refs, settings, hooks and attributes of the store, and what it holds of this worktree. The function it
   *  gives names what somebody else has changed there since, as paths that begin with `repo.git/`; by then it is put right.
   *  Contract: every watch that was open when it was found tells it, whichever worktree it came from. To be asked before `changes`. */
  watch(): Promise<() => Promise<readonly string[]>>
  /** Throws away all that lies there, whatever it is and however much, and puts `commit` in its place, as a fresh `checkout` does. */
  discard(): Promise<void>
  /** Puts these paths back as `commit` has them (an untracked one is removed). */
  restore(paths: readonly string[]): Promise<void>
  /** Commits everything that `changes` names and a commit can hold over `commit` and pins it; undefined when there is nothing. The worktree
   *  is then at that commit. */
  save(options: {
    message: string
    author: { name: string; email: string }
    at: number
  }): Promise<{ commit: string; tree: string } | undefined>
  /** Unified diff of `changes`, cut at `maxBytes`. */
  patch(maxBytes?: number): Promise<string>
  /** Short log of the last `count` commits, oldest last. */
  log(count: number): Promise<string>
}

/** What one change may hold. */
export interface ChangeLimits {
  /** Files, deleted ones included. */
  changeFiles: number
  /** Mebibytes of all that it adds or edits; holes in a file count. */
  changeMb: number
}

export interface WorktreeChange {
  path: string
  status: 'added' | 'modified' | 'deleted' | 'type-changed'
  /** False: git did not know the file at `commit`. */
  tracked: boolean
}
