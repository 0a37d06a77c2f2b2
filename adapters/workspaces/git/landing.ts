import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import type { LandingResult } from '../../../core/ports/workspace.ts'
import { git } from '../../git.ts'
import { backward, forward, type Plan, planFresh, planUnfinished, putBack } from './forward.ts'
import { lockIndex } from './index-lock.ts'
import { type Person, refOf } from './person.ts'
import { openShadow, type Shadow } from './shadow.ts'
import { oid, removeOldKeeps, type Store, transfer } from './store.ts'

export interface Landing {
  branch: string
  from: string
  to: string
}

interface Held {
  shadow: Shadow
  /** The process that had this checkout's lock before was killed. */
  cutOff: boolean
}

type Move = Held & { plan: Plan }

/** Moves a branch of the person, and every clean checkout of it, from one commit to another. */
export async function land(person: Person, store: Store, home: string, landing: Landing): Promise<LandingResult> {
  const { branch, from, to } = landing
  const elsewhere = (tip: string) => tip !== oid(from) && tip !== oid(to)
  const first = await tipOf(person, branch)
  if (elsewhere(first)) return { status: 'moved', tip: first }
  const scratch = join(home, 'tmp')
  const held: Held[] = []
  const leave: (() => Promise<void>)[] = []
  try {
    for (const checkout of await person.checkouts(branch)) {
      const lock = await lockIndex(checkout.gitDir, { home, checkout: checkout.path, ...landing })
      if (lock === undefined) return { status: 'dirty', checkout: checkout.path, files: ['.git/index.lock'] }
      leave.push(lock.release)
      const shadow = await openShadow(checkout, store, scratch)
      leave.push(shadow.remove)
      held.push({ shadow, cutOff: lock.unfinished !== undefined })
    }
    await removeOldKeeps(person.objects)
    // Again, now that no checkout moves but by this landing.
    const tip = await tipOf(person, branch)
    if (elsewhere(tip)) return { status: 'moved', tip }
    const moves: Move[] = []
    for (const one of held) {
      const { shadow, cutOff } = one
      const plan = await (tip === from ? planFresh(shadow, from, to) : planUnfinished(shadow, from, to, cutOff))
      moves.push({ ...one, plan })
    }
    const dirty = moves.find(({ plan }) => plan.dirty.length > 0)
    if (dirty !== undefined) {
      if (tip === to) await takeBack(person, moves, landing)
      return { status: 'dirty', checkout: dirty.shadow.checkout.path, files: dirty.plan.dirty }
    }
    if (tip === from && from !== to) {
      const objects = join(store.path, 'objects')
      // Whole and protected before the branch names them: a garbage collection of the person may run at any moment.
      const keep = await transfer(store, { from: objects, to: person.objects, commit: to, has: [from], scratch })
      if (keep !== undefined) leave.push(() => rm(keep, { force: true }))
      const now = await swap(person, held, landing)
      if (now !== to) return { status: 'moved', tip: now }
    }
    await carry(person, moves, landing)
    return { status: 'landed' }
  } finally {
    for (const one of leave.reverse()) await one()
  }
}

async function tipOf(person: Person, branch: string): Promise<string> {
  const tip = await person.tip(branch)
  if (tip === undefined) throw new CodebandError('CB_REF_UNKNOWN', { branch, repo: person.root })
  return tip
}

/** Gives where the branch is afterwards. */
async function swap(person: Person, held: readonly Held[], { branch, from, to }: Landing): Promise<string> {
  // From inside a checkout, so that the log of its HEAD tells it too.
  const checkout = held[0]?.shadow.checkout
  const own = checkout ? git({ gitDir: checkout.gitDir, workTree: checkout.path, bin: person.bin }) : person.git
  const { exitCode, stderr } = await own.run(['update-ref', '-m', 'codeband: land', refOf(branch), to, from])
  if (exitCode === 0) return to
  const now = await tipOf(person, branch)
  if (now === from) throw new CodebandError('CB_GIT', { command: 'update-ref', place: person.root, detail: stderr })
  return now
}

/** The checkouts follow the branch, or the branch goes back. */
async function carry(person: Person, moves: readonly Move[], landing: Landing): Promise<void> {
  const { branch, from, to } = landing
  const done: Shadow[] = []
  for (const { shadow, plan } of moves.filter((one) => one.plan.move)) {
    try {
      await forward(shadow, plan, from, to, branch)
      done.push(shadow)
    } catch (error) {
      // A full disk, a folder without permission: nothing has landed, whatever it was.
      await backward(shadow, from, to)
      for (const other of done) await forward(other, { ...plan, remove: [], restore: [] }, to, from, branch)
      await undo(person, landing)
      throw error
    }
  }
}

/** A landing was cut off, and the person worked on in what it left. With the branch ahead of the files their next commit would
 *  undo it: so it never was. */
async function takeBack(person: Person, moves: readonly Move[], landing: Landing): Promise<void> {
  if (!moves.every(({ plan, cutOff }) => plan.move && cutOff)) return
  for (const { shadow, plan } of moves) await putBack(shadow, plan)
  await undo(person, landing)
}

async function undo(person: Person, { branch, from, to }: Landing): Promise<void> {
  await person.git.bytes(['update-ref', '-m', 'codeband: landing undone', refOf(branch), from, to])
}
