import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import { bundleDefinitions } from '../../definitions/bundle.ts'
import { inspectDefinitions } from '../../definitions/load.ts'
import { openRepository } from '../../repository.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { codebandTypes, projectTypes, projectTypesFile } from '../scaffold/project-types.ts'

/** `codeband roles --types`: writes what an editor knows of codeband, and of this project's roles and tools. CB_UNTRUSTED. */
export async function roleTypes({ screen, cwd }: Cli): Promise<ExitCode> {
  const repository = await openRepository(cwd)
  const { roleMap, tools, trusted } = await inspectDefinitions(repository)
  if (!trusted) {
    const { hash } = await bundleDefinitions(repository)
    throw new CodebandError('CB_UNTRUSTED', { repo: repository.root, hash })
  }
  const files = { ...(await codebandTypes()), [projectTypesFile]: await projectTypes([...roleMap.values()], tools) }
  const written: string[] = []
  const kept: string[] = []
  for (const [file, text] of Object.entries(files)) {
    const path = join(repository.root, file)
    const before = await readFile(path, 'utf8').catch(() => undefined)
    if (before === text) {
      kept.push(file)
      continue
    }
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    written.push(file)
  }
  screen.object({ written, kept })
  for (const file of written) screen.line(`${screen.paint.green('wrote  ')}  ${file}`)
  for (const file of kept) screen.line(`${screen.paint.dim('current')}  ${file}`)
  return 0
}
