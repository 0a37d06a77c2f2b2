import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planning, scene, verdict, write } from '../scene/band.ts'
import { noTerminal, onTerminal } from '../scene/terminal.ts'

/** Moves the cursor, sets the title, hides what follows, paints it like a message of ours, turns it round, says nothing at all. */
const evil = '\u001b[2J\u001b]0;owned\u0007\u001b[8m\u001b[32m\u009b1A\u202e\u200b\u{e0041}\rover'
const named = '\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{1b}[8m\\u{1b}[32m\\u{9b}1A\\u{202e}\\u{200b}\\u{e0041}\\u{d}over'
/** The colours of codeband itself: bold, dim, and six plain ones, each ended. */
const ours = /\u001b\[(?:1|2|22|3[1-6]|39)m/g

function expectHarmless(shown: string): void {
  const rest = shown.replaceAll('\r\n', '\n').replace(ours, '')
  expect(rest).not.toMatch(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}/u,
  )
}

const why = noTerminal()

describe.skipIf(why !== '')(`what a person sees on a terminal${why && `: skipped, ${why}`}`, () => {
  test('of one role played alone holds nothing that the terminal obeys, whatever the model says, calls and gives', {
    timeout: 60_000,
  }, async () => {
    const scribe = `import { defineRole, z } from 'codeband'
export default defineRole({
  id: 'scribe', description: 'Explains.', input: z.object({ topic: z.string() }),
  output: z.object({ text: z.string() }), tools: ['read_files'], userPrompt: 'Explain {{topic}}.',
})
`
    const band = await scene({ files: { '.agents/scribe.ts': scribe } })
    const file = join(band.repo, '../scribe.json')
    const steps = [
      { say: `Reading${evil}` },
      { call: `x${evil}`, input: { [evil]: evil }, expect: 'error' },
      { call: 'read_files', input: { paths: [evil] }, expect: 'error' },
      { call: 'set_output', input: { text: evil } },
    ]
    writeFileSync(file, JSON.stringify({ turns: [{ role: 'scribe', steps }] }))
    const input = JSON.stringify({ topic: evil })
    const { code, shown } = await onTerminal(band.repo, ['run', '--role', 'scribe', input, '--script', file])
    expect(code, shown).toBe(0)
    expect(shown).toMatch(ours)
    expectHarmless(shown)
    expect(shown).toContain(`Explain ${named}.`)
  })

  test('of a whole band, its log and a diff is the same: not a colour of a model is taken for one of ours', {
    timeout: 60_000,
  }, async () => {
    const band = await scene({
      turns: [
        ...planning({ id: 'one', title: `Do it${evil}`, files: ['a.txt'] }),
        { role: 'coder', steps: [{ say: evil }, write('a.txt', `${evil}\n`)] },
        { role: 'code-reviewer', steps: [verdict('escalate', { issue: evil })] },
      ] as never,
    })
    const run = await onTerminal(band.repo, ['run', `Do it${evil}`])
    expect(run.shown).toContain('escalated')
    expectHarmless(run.shown)
    for (const argv of [['diff', 'coder-codex-0'], ['log']]) {
      const { code, shown } = await onTerminal(band.repo, argv)
      expect(code, shown).toBe(0)
      expectHarmless(shown)
      if (argv[0] === 'diff') expect(shown).toContain(`+${named}`)
    }
    // Where a program reads it, a diff is exact.
    expect((await band.cli('diff', 'coder-codex-0')).stdout).toContain(evil)
  })
})
