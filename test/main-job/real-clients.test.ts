import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { claude } from '../../adapters/frameworks/claude.ts'
import { codex } from '../../adapters/frameworks/codex.ts'
import { createBand } from '../../adapters/index.ts'
import type { Recorded } from '../../core/protocol/events.ts'
import { clients } from '../clients/clients.ts'
import { personsGit, place, sampleRepository } from '../scene/place.ts'
import { call as anthropicCall, anthropicStandIn, text as anthropicText } from '../stand-ins/anthropic.ts'
import { call as openaiCall, openaiStandIn, text as openaiText } from '../stand-ins/openai.ts'

interface Entry {
  role: string
  steps: ({ say: string } | { call: string; input: unknown })[]
}

const opening: Record<string, string> = {
  'file-picker': 'You find the files',
  planner: 'You plan;',
  'plan-reviewer': 'You review a plan',
  coder: 'You implement exactly one subtask',
  'code-reviewer': 'You review a commit',
}

/** What the model behind either API says next: the script of the first example, by role, by prompt of the conversation, by response. */
function nextOf(
  entries: readonly Entry[],
  system: string,
  prompts: number,
  responses: number,
): { call: string; input: unknown } | { say: string } {
  const role = Object.keys(opening).find((id) => system.includes(opening[id]!))
  const entry = entries.filter((one) => one.role === role)[prompts - 1]
  if (entry === undefined) throw new Error(`the script has no turn ${prompts} for '${role}'`)
  const calls = entry.steps.filter((step) => 'call' in step)
  return calls[responses] ?? { say: 'Done.' }
}

const found = await clients()

describe.skipIf('missing' in found)(
  `the main job on the real Claude Code and the real Codex${'missing' in found ? `: ${found.missing}` : ''}`,
  () => {
    if ('missing' in found) return

    async function runBand(
      workers: Record<string, Record<string, number>>,
    ): Promise<{ events: Recorded[]; repo: string; before: string }> {
      const at = place()
      const repo = sampleRepository(join(at, 'durations'))
      const before = personsGit(repo, 'rev-parse', 'main')
      const { turns: entries } = JSON.parse(readFileSync(join(repo, 'band.json'), 'utf8')) as { turns: Entry[] }
      const anthropic = await anthropicStandIn(({ system, texts, step }) => {
        const next = nextOf(entries, system, texts.length, step)
        return 'call' in next ? anthropicCall(`mcp__codeband__${next.call}`, next.input) : anthropicText(next.say)
      })
      const openai = await openaiStandIn(({ instructions, texts, step, body }) => {
        const next = nextOf(entries, instructions || JSON.stringify(body), texts.length, step)
        return 'call' in next ? openaiCall(next.call, next.input) : openaiText(next.say)
      })
      onTestFinished(async () => {
        await anthropic.close()
        await openai.close()
      })
      const { claudeBinary, codexBinary } = found as Extract<typeof found, { claudeBinary: string }>
      const band = await createBand({
        repo,
        home: join(at, 'home'),
        env: {
          ANTHROPIC_API_KEY: 'sk-ant-test',
          ANTHROPIC_BASE_URL: anthropic.url,
          OPENAI_API_KEY: 'sk-test',
          PATH: process.env.PATH,
        },
        frameworks: {
          claude: claude({ executable: claudeBinary, model: 'claude-sonnet-5' }),
          codex: codex({ executable: codexBinary, baseUrl: openai.url, model: 'gpt-5.5' }),
        },
        workers,
        checks: [['npm', 'test']],
        sandbox: 'if-available',
      })
      const events: Recorded[] = []
      band.on('event', (event) => events.push(event))
      try {
        const result = await band.run("Fix the failing test: durations such as '1h30m'")
        expect(result).toMatchObject({ outcome: 'success', pending: [] })
      } finally {
        await band.close()
      }
      return { events, repo, before }
    }

    function landedAsReviewed(
      { events, repo, before }: { events: Recorded[]; repo: string; before: string },
      verdicts: string[],
    ): void {
      expect(
        events.flatMap((event) =>
          event.type === 'VerdictGiven' ? [`${event.worker} ${event.family} ${event.verdict.decision}`] : [],
        ),
      ).toEqual(verdicts)
      const runs = events.flatMap((event) =>
        event.type === 'ToolReturned' && event.worker.startsWith('code-reviewer') && event.tool === 'run_tests'
          ? [event.ok]
          : [],
      )
      expect(runs).toEqual([false, true])
      const violations = events.flatMap((event) =>
        event.type === 'ViolationRecorded' ? [`${event.role} ${event.tool} ${event.code}`] : [],
      )
      expect(violations).toEqual([expect.stringMatching(/^planner (mcp__codeband__)?write_file tool-not-in-role$/)])
      expect(events.filter(({ type }) => type === 'Landed')).toMatchObject([
        { from: before, to: personsGit(repo, 'rev-parse', 'main') },
      ])
      expect(personsGit(repo, 'status', '--porcelain')).toBe('')
      expect(JSON.stringify(events)).not.toMatch(/sk-(ant-)?test/)
    }

    test('planner and code reviewer on Claude Code, plan reviewer and coder on Codex', {
      timeout: 120_000,
    }, async () => {
      const band = await runBand({
        planner: { claude: 1 },
        'plan-reviewer': { codex: 1 },
        coder: { codex: 1 },
        'code-reviewer': { claude: 1 },
      })
      landedAsReviewed(band, [
        'plan-reviewer-codex-0 openai request_changes',
        'plan-reviewer-codex-0 openai approve',
        'code-reviewer-claude-0 anthropic request_changes',
        'code-reviewer-claude-0 anthropic approve',
      ])
    })

    test('the families swapped', { timeout: 120_000 }, async () => {
      const band = await runBand({
        planner: { codex: 1 },
        'plan-reviewer': { claude: 1 },
        coder: { claude: 1 },
        'code-reviewer': { codex: 1 },
      })
      landedAsReviewed(band, [
        'plan-reviewer-claude-0 anthropic request_changes',
        'plan-reviewer-claude-0 anthropic approve',
        'code-reviewer-codex-0 openai request_changes',
        'code-reviewer-codex-0 openai approve',
      ])
    })
  },
)
