import { type ScriptTurn, scripted } from '../../../adapters/frameworks/scripted.ts'
import { type Band, createBand, type Framework, type Recorded, type Role } from '../../../adapters/index.ts'
import { codeReviewer, coder } from '../../../adapters/roles.ts'
import type { Project } from './project.ts'

/** Roles of the two kinds that the catalogues speak of: their reader is our code-reviewer, their builder our coder. */
export type HostileRole = 'coder' | 'code-reviewer'
export const roles: readonly HostileRole[] = ['coder', 'code-reviewer']

/** The tools that the shipped role's session has, those that its declaration implies included. */
export function grantedTo(role: HostileRole): string[] {
  const { tools = [] } = role === 'coder' ? coder : codeReviewer
  const names = tools.map((tool) => (typeof tool === 'string' ? tool : tool.name))
  return [...names, role === 'coder' ? 'spawn_roles' : 'submit_verdict']
}

/** What the coder may write; the links among them lead out. */
export const mayWrite = ['src/**', 'notes.md', 'link/w3.txt', 'linkfile.txt']

const conductorFor = (description: string): Role => ({
  id: 'conductor',
  description: 'Has one subtask made and reviewed, and lands nothing.',
  spawnableRoles: ['coder'],
  *steps({ band }) {
    const subtask = { id: 'add', title: 'Make add add', description, files: [...mayWrite], dependsOn: [] }
    return yield* band.reviewed('coder', { subtask, files: [] })
  },
})

/** The other family's side of the circle: never the one under test. */
const others: readonly ScriptTurn[] = [
  { role: 'coder', steps: [{ call: 'write_file', input: { path: 'notes.md', content: 'a note\n' } }] },
  {
    role: 'code-reviewer',
    steps: [{ call: 'submit_verdict', input: { decision: 'approve', risk: 'low', summary: 'Fine.' } }],
  },
]

export interface Seen {
  outcome: string
  events: readonly Recorded[]
  /** What `atEnd` said when the task had ended and the band was still open. */
  left: readonly string[]
}

/** The whole runtime with its own roles, gate, worktrees and sandbox; `framework` plays `role` and a script the other side. */
export async function playBand(
  { repo, home }: Pick<Project, 'repo' | 'home'>,
  role: HostileRole,
  framework: Framework,
  env: Readonly<Record<string, string>>,
  {
    description = '',
    atEnd = () => [],
    atStart = () => undefined,
  }: { description?: string; atEnd?(): string[]; atStart?(band: Band): void } = {},
): Promise<Seen> {
  const opposite = framework.family === 'openai' ? 'anthropic' : 'openai'
  const other = scripted({ id: 'other', family: opposite, script: { turns: [...others] } })
  const [author, reviewer] = role === 'coder' ? ['real', 'other'] : ['other', 'real']
  const band = await createBand({
    repo,
    home,
    env: { PATH: process.env.PATH, ...env },
    frameworks: { real: framework, other },
    workers: { coder: { [author]: 1 }, 'code-reviewer': { [reviewer]: 1 } },
    roles: [conductorFor(description)],
    checks: [['npm', 'test']],
    sandbox: 'if-available',
    // Every call of a catalogue is to be answered.
    limits: { violations: 1_000 },
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  atStart(band)
  try {
    const { outcome } = await band.run('Make add add')
    return { outcome, events, left: atEnd() }
  } finally {
    await band.close()
  }
}
