import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planning, scene, verdict, write } from '../scene/band.ts'
import { noTerminal, onTerminal } from '../scene/terminal.ts'

const why = noTerminal()
const asked = 'return leaves it:'
const ctrlC = '\u0003'

describe.skipIf(why !== '')(`a person at a terminal${why && `: skipped, ${why}`}`, () => {
  test('lands what waits by a typed word: no key pressed ahead does it, and Ctrl-C leaves it waiting', {
    timeout: 60_000,
  }, async () => {
    const band = await scene({
      turns: [
        ...planning({ id: 'one', title: 'Log people in', files: ['src/**'] }),
        { role: 'coder', steps: [write('src/auth.ts', 'export const open = false\n')] },
        { role: 'code-reviewer', steps: [verdict('approve', {})] },
      ] as never,
    })
    const start = band.git('rev-parse', 'main')
    const run = await onTerminal(
      band.repo,
      ['run', 'Log people in'],
      [
        [asked, 'y\r'],
        [asked, ctrlC],
      ],
    )
    expect(run.code, run.shown).toBe(130)
    expect(run.shown).toContain('t1 stopped: codeband resume goes on.')
    expect(band.git('rev-parse', 'main')).toBe(start)
    const resumed = await onTerminal(band.repo, ['resume'], [[asked, 'approve\r']])
    expect(resumed.code, resumed.shown).toBe(0)
    expect(resumed.shown).toMatch(/approved t1\.1[\s\S]*t1 ended: success/)
    expect(band.git('show', 'main:src/auth.ts')).toBe('export const open = false')
  })

  test('ends the question of trust with Ctrl-C: nothing is trusted, and nothing broke', {
    timeout: 60_000,
  }, async () => {
    const { repo } = await scene({ turns: [] })
    writeFileSync(join(repo, 'codeband.config.ts'), 'export default { checks: [] }\n')
    const { code, shown } = await onTerminal(repo, ['run', 'x'], [['[y/N]', ctrlC]])
    expect(code, shown).toBe(130)
    expect(shown).not.toContain('CB_')
  })
})
