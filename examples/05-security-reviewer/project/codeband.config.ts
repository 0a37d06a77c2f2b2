import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'

// Two scripted families; with real ones: claude() from 'codeband/claude' and codex() from 'codeband/codex'.
export default defineConfig({
  frameworks: {
    claude: scripted({ id: 'claude', family: 'anthropic', script: 'band.json' }),
    codex: scripted({ id: 'codex', family: 'openai', script: 'band.json' }),
  },
  workers: { planner: { claude: 1 }, coder: { codex: 1 } },
  checks: [['npm', 'test']],
  sandbox: 'if-available',
})
