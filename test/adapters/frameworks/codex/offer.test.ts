import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { text } from '../../../stand-ins/openai.ts'
import { clientsOf, ends, missing, realCodex, turn } from './real-codex.ts'
import { type Rig, rigCodex } from './rigged-codex.ts'

const real = realCodex()
const { place, play, start } = real

const codeMode = { tool_mode: 'code_mode_only' }
const needs = 'CB_BOUNDARY_UNENFORCEABLE'

describe.skipIf(missing !== '')(`what codex offers${missing && `: ${missing}`}`, () => {
  test.each([
    ['a tool that was not given', { more: 'run_command' }, 'gpt-5.5', needs, /it offers run_command/],
    [
      'a tool under another name',
      { rename: { from: 'read_files', to: 'read_filez' } },
      'gpt-5.5',
      needs,
      /it offers read_filez/,
    ],
    [
      'its tool for patches',
      { model: { apply_patch_tool_type: 'freeform' } },
      'gpt-5.5',
      needs,
      /it offers apply_patch/,
    ],
    ['code mode, where it hides ours', { model: codeMode }, 'gpt-6-sol', needs, /it offers exec, wait/],
    ['code mode on a model that has none', { model: codeMode }, 'gpt-5.5', needs, /it offers exec, wait/],
    [
      'its web search',
      { config: [['web_search = "disabled"', 'web_search = "live"']] },
      'gpt-5.5',
      needs,
      /web search/,
    ],
    ['a version that is not known', { version: '0.170.0' }, 'gpt-5.5', 'CB_CLIENT_VERSION', /npm install .*@0\.169\.0/],
    ['no version at all', { version: 'next' }, 'gpt-5.5', 'CB_CLIENT_VERSION', /npm install .*@0\.169\.0/],
  ] satisfies [string, Rig, string, string, RegExp][])('is refused with %s', async (_, rig, model, code, why) => {
    play(() => text('never asked'))
    const at = await place()
    const executable = await rigCodex(join(at.home, 'rigged'), rig)
    const starting = start({ at, model }, { executable })
    await expect(starting).rejects.toMatchObject({ code })
    await expect(starting).rejects.toThrow(why)
    expect(await clientsOf(at)).toEqual([])
    expect(real.api.requests).toEqual([])
  })

  test('is taken from the rigged client where nothing is rigged, and asks no API before the first prompt', async () => {
    play(() => text('ok'))
    const at = await place()
    const { session } = await start({ at }, { executable: await rigCodex(join(at.home, 'rigged'), {}) })
    expect(real.api.requests).toEqual([])
    expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
    expect(real.api.turns).toHaveLength(1)
    expect(await readFile(join(at.home, 'codex/config.toml'), 'utf8')).not.toContain('probe')
  })

  test('is the same for a thread that is resumed', async () => {
    play(() => text('ok'))
    const first = await start()
    await turn(first.session)
    await first.session.close()
    const executable = await rigCodex(join(first.at.home, 'rigged'), { model: { apply_patch_tool_type: 'freeform' } })
    const again = start({ at: first.at, resume: first.session.token }, { executable })
    await expect(again).rejects.toThrow(/it offers apply_patch/)
  })
})
