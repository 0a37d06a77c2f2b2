import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import { type Git, git } from '../../git.ts'
import { syncFile } from '../../sync-file.ts'
import { absent, copyIndex } from './files.ts'
import type { Checkout } from './person.ts'
import type { Store } from './store.ts'

/** A checkout of the person, seen through a git folder of core's own: their files, a copy of their index, core's objects and, of their
 *  settings, only those that say how content looks in files. Nothing that could run a program is among them. */
export interface Shadow {
  readonly checkout: Checkout
  readonly git: Git
  /** The same with another index, which is a copy of this one at first. */
  second(): Promise<Git>
  readonly ignoreCase: boolean
  /** Makes the index the person's. Contract: the caller holds the lock of the person's index. */
  publish(): Promise<void>
  remove(): Promise<void>
}

const plain =
  /^(core\.(filemode|symlinks|ignorecase|precomposeunicode|autocrlf|eol|trustctime|checkstat|sharedrepository|sparsecheckout|sparsecheckoutcone)|index\.(version|sparse))$/

export async function openShadow(checkout: Checkout, store: Store, scratch: string): Promise<Shadow> {
  await mkdir(scratch, { recursive: true })
  const gitDir = await mkdtemp(pathOf(scratch, `${process.pid}-`))
  const common = (await readFile(pathOf(checkout.gitDir, 'commondir'), 'utf8').catch(absent))?.trim()
  const commonDir =
    common === undefined ? checkout.gitDir : common.startsWith('/') ? common : pathOf(checkout.gitDir, common)
  await mkdir(pathOf(gitDir, 'info'))
  await mkdir(pathOf(gitDir, 'refs'))
  await mkdir(pathOf(gitDir, 'objects/info'), { recursive: true })
  await writeFile(pathOf(gitDir, 'HEAD'), 'ref: refs/heads/none\n')
  const format = await store.git.text(['rev-parse', '--show-object-format'])
  await writeFile(
    pathOf(gitDir, 'config'),
    `[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = ${format}\n`,
  )
  const attributes = await readFile(pathOf(commonDir, 'info/attributes')).catch(absent)
  // The last line wins: how lines end stays theirs, who filters is nobody.
  await writeFile(
    pathOf(gitDir, 'info/attributes'),
    Buffer.concat([attributes ?? Buffer.alloc(0), Buffer.from('\n* !filter !diff !merge\n')]),
  )
  await copyIfThere(pathOf(checkout.gitDir, 'info/sparse-checkout'), pathOf(gitDir, 'info/sparse-checkout'))
  for (const name of await readdir(checkout.gitDir)) {
    if (name.startsWith('sharedindex.')) await copyIfThere(pathOf(checkout.gitDir, name), pathOf(gitDir, name))
  }
  const index = pathOf(gitDir, 'index')
  const theirs = pathOf(checkout.gitDir, 'index')
  const mode = ((await stat(theirs).catch(absent))?.mode ?? 0o644) & 0o777
  if ((await stat(theirs).catch(absent)) !== undefined) await copyIndex(theirs, index)

  const config = await settingsOf(checkout, store.bin)
  const place = { gitDir, workTree: checkout.path, alternates: [pathOf(store.path, 'objects')], config, bin: store.bin }
  return {
    checkout,
    git: git({ ...place, index }),
    ignoreCase: config['core.ignorecase'] === 'true',
    async second() {
      const other = pathOf(gitDir, 'index.second')
      await copyIndex(index, other)
      return git({ ...place, index: other })
    },
    async publish() {
      const draft = `${theirs}.codeband`
      await copyFile(index, draft)
      const file = await open(draft, 'r')
      await file.chmod(mode)
      await syncFile(file)
      await file.close()
      const { mtimeMs } = await stat(index)
      await utimes(draft, Math.floor(mtimeMs) / 1000, Math.floor(mtimeMs) / 1000)
      await rename(draft, theirs)
    },
    remove: () => rm(gitDir, { recursive: true, force: true }),
  }
}

async function settingsOf({ path, gitDir }: Checkout, bin: string | undefined): Promise<Record<string, string>> {
  const options = ['--null', '--show-scope', '--get-regexp', '^(core|index)\\.']
  const { stdout } = await git({ gitDir, workTree: path, bin }).run(['config', ...options])
  const settings: Record<string, string> = {}
  const parts = stdout.toString('utf8').split('\0')
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [key = '', value = 'true'] = parts[at + 1]!.split('\n')
    // Not those that core itself gives on the command line.
    if (parts[at] !== 'command' && plain.test(key) && /^[\w-]+$/.test(value)) settings[key] = value
  }
  return settings
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch(absent)
}
