import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'
import script from './band.json'

// Two scripted families: what the models say and call comes from band.json; everything else is real.
export default defineConfig({
  frameworks: {
    claude: scripted({ id: 'claude', family: 'anthropic', script }),
    codex: scripted({ id: 'codex', family: 'openai', script }),
  },
  workers: {
    planner: { claude: 1 },
    'plan-reviewer': { codex: 1 },
    coder: { codex: 1 },
    'code-reviewer': { claude: 1 },
  },
  checks: [['npm', 'test']],
  sandbox: 'if-available',
})
