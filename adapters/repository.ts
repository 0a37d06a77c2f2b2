import { realpath } from 'node:fs/promises'
import { CodebandError } from '../core/errors.ts'
import { bandHome } from './band-home.ts'
import { host } from './host.ts'
import { openPerson } from './workspaces/git/person.ts'

/** The repository a person pointed at, and where its band keeps its state. */
export interface Repository {
  /** Its top folder, without symbolic links. */
  readonly root: string
  readonly home: string
  /** The branch checked out; undefined on a detached HEAD. */
  readonly branch: string | undefined
}

/** CB_NOT_A_REPO. */
export async function openRepository(path: string, home?: string): Promise<Repository> {
  const folder = await realpath(path).catch((cause: unknown) => {
    throw new CodebandError('CB_NOT_A_REPO', { path }, { cause })
  })
  const person = await openPerson(folder, undefined)
  const { exitCode, stdout } = await person.git.run(['symbolic-ref', '--quiet', '--short', 'HEAD'])
  const branch = exitCode === 0 ? stdout.toString('utf8').trim() : undefined
  return { root: person.root, home: bandHome(person.root, host(), home), branch }
}
