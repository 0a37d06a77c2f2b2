import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { call, custom, text } from '../../../stand-ins/openai.ts'
import { clientsOf, ends, missing, patch, realCodex, search, turn } from './real-codex.ts'

const real = realCodex()
const { play, start } = real

describe.skipIf(missing !== '')(`a resumed codex${missing && `: ${missing}`}`, () => {
  test('goes on in a new process after a kill, in the same thread, with the same tools and no environment', async () => {
    play((t) => (t.step ? text('noted') : call('read_files', { paths: ['a'] })))
    const first = await start()
    await turn(first.session, 'Remember 42.')
    process.kill((await clientsOf(first.at))[0]!, 'SIGKILL')

    const hostile = [call('exec_command', { cmd: 'touch pwned' }), custom('apply_patch', patch('pwned'))]
    play((t) => (t.step ? text('ok') : hostile))
    const { session } = await start({ at: first.at, resume: first.session.token })
    const events = await turn(session, 'What was it?')
    expect(session.token).toBe(first.session.token)
    expect(real.api.turns[0]!.texts).toEqual(['Remember 42.', 'What was it?'])
    expect(real.api.turns[0]!.tools).toEqual(['request_user_input', 'read_files'])
    expect(await readdir(first.at.cwd)).toEqual([])
    expect(events.filter(({ type }) => type.startsWith('tool-')).map((event) => ({ ...event, id: '' }))).toEqual([
      { type: 'tool-call', id: '', name: 'exec_command', input: { cmd: 'touch pwned' } },
      { type: 'tool-result', id: '', ok: false, output: 'unsupported call: exec_command' },
      { type: 'tool-call', id: '', name: 'apply_patch', input: patch('pwned') },
      { type: 'tool-result', id: '', ok: false, output: 'unsupported custom tool call: apply_patch' },
    ])
    expect(events.filter(({ type }) => type === 'usage')).toHaveLength(2)
  })

  test('goes on after a kill in the middle of a call', async () => {
    play((t) => (t.step ? text('ok') : call('read_files', { paths: ['a'] })))
    const first = await start({
      async answer() {
        process.kill((await clientsOf(first.at))[0]!, 'SIGKILL')
        return { ok: true, output: 'too late' }
      },
    })
    expect(ends(await turn(first.session, 'one'))).toMatchObject([{ outcome: { kind: 'crashed' } }])
    const { session } = await start({ at: first.at, resume: first.session.token })
    expect(ends(await turn(session, 'two'))).toEqual([{ type: 'turn-end', outcome: 'done' }])
    expect(real.api.turns.at(-1)!.texts).toEqual(['one', 'two'])
  })

  test.each(['kept', 'killed in a call'])(
    'with other tools it has exactly those, and the old conversation (%s)',
    async (how) => {
      play((t) => (t.step ? text('noted') : call('read_files', { paths: ['a'] })))
      const first = await start({
        async answer() {
          if (how !== 'kept') process.kill((await clientsOf(first.at))[0]!, 'SIGKILL')
          return { ok: true, output: 'read' }
        },
      })
      await turn(first.session, 'Remember 42.')
      await first.session.close()
      play((t) => (t.step ? text('found') : call('mcp_github_search', { q: 1 })))
      const { session, called } = await start({ at: first.at, resume: first.session.token, tools: [search] })
      expect(ends(await turn(session, 'What was it?'))).toEqual([{ type: 'turn-end', outcome: 'done' }])
      expect(real.api.turns[0]!.tools).toEqual(['request_user_input', 'mcp_github_search'])
      expect(real.api.turns[0]!.texts).toEqual(['Remember 42.', 'What was it?'])
      expect(called.map(({ name }) => name)).toEqual(['mcp/github/search'])
      await session.close()

      const third = await start({ at: first.at, resume: session.token, tools: [search] })
      play(() => text('ok'))
      await turn(third.session, 'Again.')
      expect(third.session.token).toBe(session.token)
      expect(real.api.turns[0]!.texts).toEqual(['Remember 42.', 'What was it?', 'Again.'])
    },
  )

  test('with other tools starts from the summary of a conversation that was compacted', async () => {
    play((t) => (t.tools.length === 0 ? text('SUMMARY: 42.') : text('noted')))
    const first = await start()
    await turn(first.session, 'Remember 42.')
    // The client compacts when the new model cannot read what the old one left.
    await first.session.setModel!('gpt-6-sol')
    await turn(first.session, 'Next.')
    await first.session.close()
    const model = 'gpt-6-sol'
    const { session } = await start({ at: first.at, resume: first.session.token, tools: [search], model })
    play(() => text('ok'))
    expect(ends(await turn(session, 'What was it?'))).toEqual([{ type: 'turn-end', outcome: 'done' }])
    expect(real.api.turns[0]!.texts.at(-1)).toBe('What was it?')
    expect(real.api.turns[0]!.tools).toEqual(['functions.request_user_input', 'functions.mcp_github_search'])
    expect(JSON.stringify(real.api.turns[0]!.body.input)).toContain('SUMMARY: 42.')
    expect(real.api.turns[0]!.texts.filter((one) => one === 'Next.')).toHaveLength(1)
  })

  test('of a session without a turn begins anew', async () => {
    const first = await start()
    await first.session.close()
    play(() => text('ok'))
    const { session } = await start({ at: first.at, resume: first.session.token })
    expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
  })
})
