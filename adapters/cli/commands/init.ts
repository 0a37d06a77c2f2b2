import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleDefinitions, trustDefinitions } from '../../bundle-definitions.ts'
import { findConfig } from '../../config-file.ts'
import { claude } from '../../frameworks/claude.ts'
import { codex } from '../../frameworks/codex.ts'
import { baseEnv, host } from '../../host.ts'
import { openRepository } from '../../repository.ts'
import { isTrusted } from '../../trust.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { configSource, type Found, firstRole, setupOf } from '../scaffold.ts'

/** `codeband init`: looks what is here and writes the definitions for it. Never overwrites. */
export async function init({ screen, cwd }: Cli): Promise<ExitCode> {
  const repository = await openRepository(cwd)
  const { root, branch } = repository
  const env = { ...baseEnv(host()), ...(host().env as Record<string, string>) }
  const clients: Found['clients'] = []
  for (const [name, framework] of [
    ['claude', claude()],
    ['codex', codex()],
  ] as const) {
    const check = await framework.check!({ env, repo: root })
    screen.line(
      `${check.ok ? screen.paint.green('found  ') : screen.paint.yellow('missing')}  ${name}: ${check.found}${check.ok ? '' : `. ${check.cure}`}`,
    )
    if (check.ok) clients.push(name)
  }
  const has = async (file: string): Promise<boolean> =>
    access(join(root, file)).then(
      () => true,
      () => false,
    )
  const project = await setupOf({ has, read: (file) => readFile(join(root, file), 'utf8') })
  screen.line(`         ${project.manager ?? 'no package manager'}, branch ${branch ?? '(detached)'}`)

  // What lay here before and nobody trusted stays untrusted: it may have come with the repository.
  const before = await bundleDefinitions(repository)
  const mayTrust = before.files.length === 0 || (await isTrusted(repository.home, before.hash))
  const written: string[] = []
  const kept: string[] = []
  async function write(file: string, content: string): Promise<void> {
    if (await has(file)) return void kept.push(file)
    await mkdir(join(root, file, '..'), { recursive: true })
    await writeFile(join(root, file), content, { flag: 'wx' })
    written.push(file)
  }
  const present = await findConfig(root)
  if (present) kept.push(present.file.slice(root.length + 1))
  else await write('codeband.config.ts', configSource({ clients, branch, ...project }))
  await write('.agents/scribe.ts', firstRole)
  if (written.length > 0 && mayTrust) await trustDefinitions(repository, (await bundleDefinitions(repository)).hash)
  screen.object({ clients, branch, ...project, written, kept })
  for (const file of written) screen.line(`${screen.paint.green('wrote  ')}  ${file}`)
  for (const file of kept) screen.line(`${screen.paint.dim('kept   ')}  ${file}`)
  if (clients.length === 1) {
    screen.line(
      `Only ${clients[0]} is here: the configuration waives opposition, so its own family reviews it, every landing is marked same-family, and nothing lands without you.`,
    )
  }
  if (!mayTrust) screen.line('What was here before is not trusted. Read it, then:  npx codeband trust')
  screen.line()
  if (clients.length === 0) screen.line('No client was found. Try the offline band:  npx codeband demo')
  else screen.line('Next:  npx codeband doctor   then   npx codeband run "Fix the failing test"')
  return 0
}
