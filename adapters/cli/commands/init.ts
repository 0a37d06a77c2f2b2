import { access, mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import { bundleDefinitions, trustDefinitions } from '../../definitions/bundle.ts'
import { findConfig } from '../../definitions/config-file.ts'
import { inspectDefinitions } from '../../definitions/load.ts'
import { isTrusted } from '../../definitions/trust.ts'
import { claude } from '../../frameworks/claude.ts'
import { codex } from '../../frameworks/codex.ts'
import { baseEnv, host } from '../../host.ts'
import { openRepository, type Repository } from '../../repository.ts'
import { openPerson } from '../../workspaces/git/person.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { type Example, exampleFiles, exampleGuide, exampleNames } from '../scaffold/examples.ts'
import { codebandTypes, projectTypes, projectTypesFile, projectTypesLater } from '../scaffold/project-types.ts'
import { configSource, type Found, firstFiles, setupOf } from '../scaffold.ts'

/** `codeband init [--example NAME]`: looks what is here and writes the definitions for it. Never overwrites. CB_USAGE. */
export async function init(
  { screen, cwd }: Cli,
  _positionals: readonly (string | undefined)[] = [],
  { example }: { example?: string } = {},
): Promise<ExitCode> {
  const { paint } = screen
  const repository = await openRepository(cwd)
  const { root, branch } = repository
  const bare = (await openPerson(root, undefined)).gitDir === root
  const wanted = example === undefined ? {} : await filesOf(example)
  const below = relative(root, await realpath(cwd))
  if (below !== '') screen.line(`A band is of a whole repository: this goes to its root, ${root}, not to ${below}.`)
  const clients = await clientsHere(screen, root)
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
    try {
      await mkdir(dirname(join(root, file)), { recursive: true })
      await writeFile(join(root, file), content, { flag: 'wx' })
      written.push(file)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'EEXIST' && (await has(file))) return void kept.push(file)
      throw new CodebandError('CB_USAGE', { detail: `'${file}' could not be written: ${message}` }, { cause: error })
    }
  }
  const present = await findConfig(root)
  if (present) kept.push(relative(root, present.file))
  else await write('codeband.config.ts', configSource({ clients, branch, ...project }))
  // Who has roles needs no first one, and may have taken it away.
  const begun = before.files.some((file) => file.startsWith('.agents/'))
  for (const [file, text] of Object.entries(firstFiles)) if (!begun || (await has(file))) await write(file, text)
  for (const [file, text] of Object.entries(wanted)) await write(file, text)
  if (written.length > 0 && mayTrust) await trustDefinitions(repository, (await bundleDefinitions(repository)).hash)
  for (const [file, text] of Object.entries(await codebandTypes())) await write(file, text)
  if (await has(projectTypesFile)) kept.push(projectTypesFile)
  else await write(projectTypesFile, await typesOf(repository))

  screen.object({ root, clients, branch, ...project, written, kept, trusted: mayTrust })
  for (const file of written) screen.line(`${paint.green('wrote  ')}  ${file}`)
  for (const file of kept) screen.line(`${paint.dim('kept   ')}  ${file}`)
  if (written.length > 0) {
    screen.line()
    // Nobody commits from the folder of a bare repository: what lies there is its band's by itself.
    if (!bare) screen.line('Commit these files. Nothing goes into .gitignore.')
    screen.line(`What a band keeps lies in ${repository.home}.`)
  }
  if (kept.includes(projectTypesFile) && written.some((file) => file.startsWith('.agents/')))
    screen.line('Editors learn of the new roles and tools by:  npx codeband roles --types')
  if (clients.length === 1) {
    screen.line(
      `Only ${clients[0]} is here: the configuration waives opposition, so its own family reviews it, every landing is marked same-family, and nothing lands without you.`,
    )
  }
  if (!mayTrust) screen.line('What was here before is not trusted. Read it, then:  npx codeband trust')
  screen.line()
  if (example !== undefined)
    screen.line(`How the example works, and what it needs:  ${exampleGuide(example as Example)}`)
  if (!(await hasCommit(root)))
    screen.line(`A band starts from a commit:  ${bare ? 'push one here' : 'git add -A && git commit -m start'}`)
  if (clients.length === 0) screen.line('No client was found. Try the offline band:  npx codeband demo')
  else screen.line('Next:  npx codeband doctor   then   npx codeband run "Fix the failing test"')
  return 0
}

async function filesOf(example: string): Promise<Record<string, string>> {
  if (!exampleNames.includes(example as Example)) {
    throw new CodebandError('CB_USAGE', {
      detail: `There is no example '${example}'. There are ${exampleNames.join(', ')}.`,
    })
  }
  const files = await exampleFiles(example as Example)
  if (Object.keys(files).length > 0) return files
  throw new CodebandError('CB_USAGE', {
    detail: `This copy of codeband came without the example '${example}'. Install it anew.`,
  })
}

/** Looks which clients are installed, and says so. */
async function clientsHere(screen: Cli['screen'], root: string): Promise<Found['clients']> {
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
  return clients
}

async function typesOf(repository: Repository): Promise<string> {
  const { roleMap, tools, trusted } = await inspectDefinitions(repository)
  return trusted ? projectTypes([...roleMap.values()], tools) : projectTypesLater
}

async function hasCommit(root: string): Promise<boolean> {
  const { git } = await openPerson(root, undefined)
  return (await git.run(['rev-parse', '--quiet', '--verify', 'HEAD'])).exitCode === 0
}
