import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBand } from 'codeband'
import { scripted } from 'codeband/scripted'

// A copy of the first example's project as a repository; with your own, this block is `const repo = '.'`.
const repo = join(mkdtempSync(join(tmpdir(), 'codeband-library-')), 'durations')
cpSync(new URL('../01-first-band/project', import.meta.url), repo, { recursive: true })
for (const line of ['init -q -b main', 'add -A', '-c user.name=ada -c user.email=ada@localhost commit -qm start']) {
  execFileSync('git', line.split(' '), { cwd: repo })
}

const script = JSON.parse(readFileSync(join(repo, 'band.json'), 'utf8'))
const frameworks = {
  claude: scripted({ id: 'claude', family: 'anthropic', script }), // offline; else: claude() from 'codeband/claude'
  codex: scripted({ id: 'codex', family: 'openai', script }),
}
const workers = { planner: { claude: 1 }, coder: { codex: 1 } }
const band = await createBand({ repo, frameworks, workers, checks: [['npm', 'test']], sandbox: 'if-available' })
band.on('event', ({ seq, type }) => console.log(seq, type))
const { outcome, landed } = await band.run("Fix the failing test: durations such as '1h30m'")
const commits = landed.map(({ to }) => to)
console.log(outcome, commits)
await band.close()
