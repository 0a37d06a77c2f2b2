import { cp, mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRepository } from './create-repository.ts'
import { packageFolder } from './package-folder.ts'

/** The sample project of examples/01-first-band as a fresh git repository in a temporary folder. */
export async function openSampleRepository(): Promise<string> {
  const folder = join(await realpath(await mkdtemp(join(tmpdir(), 'codeband-demo-'))), 'durations')
  await cp(join(packageFolder(), 'examples', '01-first-band', 'project'), folder, { recursive: true })
  await createRepository(folder, { branch: 'main', message: 'A project with a failing test' })
  return folder
}
