import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import type { LandingResult } from '../../../core/ports/workspace.ts'
import { git } from '../../git.ts'
import { backward, forward, type Plan, planFresh, planUnfinished } from './forward.ts'
import { type IndexLock, lockIndex } from './index-lock.ts'
import { type Person, refOf } from './person.ts'
import { openShadow, type Shadow } from './shadow.ts'
import { oid, removeOldKeeps, type Store, transfer } from './store.ts'

export interface Landing {
  branch: string
  from: string
  to: string
}

interface Held {
  lock: IndexLock
  shadow: Shadow
  plan: Plan
}

/** Moves a branch of the person, and every clean checkout of it, from one commit to another. */
export async function land(person: Person, store: Store, home: string, landing: Landing): Promise<LandingResult> {
  const { branch, from, to } = landing
  const tip = await person.tip(branch)
  if (tip === undefined) throw new CodebandError('CB_REF_UNKNOWN', { branch, repo: person.root })
  if (tip !== oid(from) && tip !== oid(to)) return { status: 'moved', tip }
  const scratch = join(home, 'tmp')
  const held: Held[] = []
  let keep: string | undefined
  try {
    for (const checkout of await person.checkouts(branch)) {
      const lock = await lockIndex(checkout.gitDir, { home, checkout: checkout.path, ...landing })
      if (lock === undefined) return { status: 'dirty', checkout: checkout.path, files: ['.git/index.lock'] }
      const one: Held = {
        lock,
        shadow: await openShadow(checkout, store, scratch),
        plan: { dirty: [], move: false, remove: [], restore: [] },
      }
      held.push(one)
      one.plan = await (tip === from
        ? planFresh(one.shadow, from, to)
        : planUnfinished(one.shadow, from, to, lock.unfinished !== undefined))
      if (one.plan.dirty.length > 0) return { status: 'dirty', checkout: checkout.path, files: one.plan.dirty }
    }
    if (tip === from && from !== to) {
      await removeOldKeeps(person.objects)
      const objects = join(store.path, 'objects')
      // Whole and protected before the branch names them: a garbage collection of the person may run at any moment.
      keep = await transfer(store, { from: objects, to: person.objects, commit: to, has: [from], scratch })
      const now = await move(person, held, landing)
      if (now !== to) return { status: 'moved', tip: now }
    }
    await carry(person, held, landing)
    return { status: 'landed' }
  } finally {
    if (keep !== undefined) await rm(keep, { force: true })
    for (const { lock, shadow } of held) {
      await shadow.remove()
      await lock.release()
    }
  }
}

/** Compare and swap. Gives where the branch is afterwards. */
async function move(person: Person, held: readonly Held[], { branch, from, to }: Landing): Promise<string> {
  // Told in the log of the HEAD that follows, too.
  const checkout = held[0]?.shadow.checkout
  const own = checkout ? git({ gitDir: checkout.gitDir, workTree: checkout.path, bin: person.bin }) : person.git
  const { exitCode, stderr } = await own.run(['update-ref', '-m', 'codeband: land', refOf(branch), to, from])
  if (exitCode === 0) return to
  const now = await person.tip(branch)
  if (now === undefined) throw new CodebandError('CB_REF_UNKNOWN', { branch, repo: person.root })
  if (now === from) throw new CodebandError('CB_GIT', { command: 'update-ref', place: person.root, detail: stderr })
  return now
}

/** The checkouts follow the branch, or the branch goes back. */
async function carry(person: Person, held: readonly Held[], landing: Landing): Promise<void> {
  const { branch, from, to } = landing
  const moved: Held[] = []
  for (const one of held.filter(({ plan }) => plan.move)) {
    try {
      await forward(one.shadow, one.plan, from, to, branch)
      moved.push(one)
    } catch (error) {
      // A full disk, a folder without permission: nothing has landed, whatever it was.
      await backward(one.shadow, from, to)
      for (const { shadow, plan } of moved)
        await forward(shadow, { ...plan, remove: [], restore: [] }, to, from, branch)
      await person.git.run(['update-ref', '-m', 'codeband: landing undone', refOf(branch), from, to])
      throw error
    }
  }
}
