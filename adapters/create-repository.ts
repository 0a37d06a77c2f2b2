import { join } from 'node:path'
import { git } from './git.ts'

/** Makes a folder a git repository with one commit of all it holds. */
export async function createRepository(
  folder: string,
  { branch, message }: { branch: string; message: string },
): Promise<string> {
  const here = git({ gitDir: join(folder, '.git'), workTree: folder })
  await here.text(['init', '--quiet', `--initial-branch=${branch}`])
  await here.text(['add', '--all'])
  await here.text(['commit', '--quiet', '--message', message])
  return here.text(['rev-parse', 'HEAD'])
}
