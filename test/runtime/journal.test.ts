import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { band, type Effect, EffectError, type Steps } from '../../core/role/steps.ts'
import { drive, type EffectAnswer, Halt } from '../../core/runtime/journal.ts'

const say = (text: string): Steps<unknown> => band.say('all', text)

/** Answers every effect with its own text and notes where it was asked. */
function recorder(journal = new Map<string, EffectAnswer>()) {
  const live: string[] = []
  return {
    live,
    journal,
    perform: async (effect: Effect, place: string): Promise<EffectAnswer> => {
      const known = journal.get(place)
      if (known) return known
      live.push(place)
      const answer: EffectAnswer = { ok: true, result: effect.kind === 'say' ? effect.text : null }
      journal.set(place, answer)
      return answer
    },
  }
}

describe('a program', () => {
  test('has a place for each effect, in branches too', async () => {
    const { perform, live } = recorder()
    function* program(): Steps<void> {
      yield* say('a')
      yield* band.each(['x', 'y'], function* (item) {
        yield* say(item)
        yield* say(`${item}2`)
      })
      yield* say('b')
    }
    await drive(program(), 'conductor/', perform)
    expect([...live].sort()).toEqual([
      'conductor/0',
      'conductor/1/0.0',
      'conductor/1/0.1',
      'conductor/1/1.0',
      'conductor/1/1.1',
      'conductor/2',
    ])
  })

  test('re-run over any part of its record asks live for exactly what is missing, and gives the same result', async () => {
    function* program(): Steps<unknown> {
      const first = yield* say('a')
      const items = yield* band.each([1, 2, 3], function* (n) {
        const one = yield* say(`x${n}`)
        return [one, yield* say(`y${n}`)]
      })
      return [first, items, yield* say('z')]
    }
    const whole = recorder()
    const result = await drive(program(), 'p/', whole.perform)
    await fc.assert(
      fc.asyncProperty(fc.subarray([...whole.journal.keys()]), async (kept) => {
        const again = recorder(new Map(kept.map((place) => [place, whole.journal.get(place)!])))
        expect(await drive(program(), 'p/', again.perform)).toEqual(result)
        expect([...again.live].sort()).toEqual(
          [...whole.journal.keys()].filter((place) => !kept.includes(place)).sort(),
        )
      }),
    )
  })

  test('an item waits for the items it depends on', async () => {
    const order: string[] = []
    const perform = async (effect: Effect): Promise<EffectAnswer> => {
      const text = effect.kind === 'say' ? effect.text : effect.kind
      order.push(`${text} begins`)
      await new Promise((resolve) => setTimeout(resolve, 1))
      order.push(`${text} ends`)
      return { ok: true, result: null }
    }
    function* program(): Steps<void> {
      yield* band.each(
        [
          { id: 'c', dependsOn: ['a', 'b'] },
          { id: 'a', dependsOn: [] },
          { id: 'b', dependsOn: ['a'] },
        ],
        function* ({ id }) {
          yield* say(id)
        },
      )
    }
    await drive(program(), 'p/', perform)
    expect(order).toEqual(['a', 'b', 'c'].flatMap((id) => [`${id} begins`, `${id} ends`]))
  })

  test('items that depend on each other in a circle are an error at once, not a wait for ever', async () => {
    function* program(): Steps<void> {
      yield* band.each(
        [
          { id: 'a', dependsOn: ['b'] },
          { id: 'b', dependsOn: ['a'] },
        ],
        () => say('x'),
      )
    }
    await expect(drive(program(), 'p/', recorder().perform)).rejects.toThrow(/circle/)
  })

  test('an effect without a value is thrown at its yield*, where the program may handle it', async () => {
    const perform = async (): Promise<EffectAnswer> => ({ ok: false, outcome: 'escalate', reason: 'no agreement' })
    function* careful(): Steps<unknown> {
      try {
        return yield* say('x')
      } catch (error) {
        return (error as EffectError).reason
      }
    }
    expect(await drive(careful(), 'p/', perform)).toBe('no agreement')
    await expect(drive(say('x'), 'p/', perform)).rejects.toBeInstanceOf(EffectError)
  })

  test('a halt in one branch lets the others end and reaches no handler of the program', async () => {
    const ended: string[] = []
    const perform = async (effect: Effect): Promise<EffectAnswer> => {
      if (effect.kind === 'say' && effect.text === 'stop') throw new Halt({ reason: 'approval', detail: 'a1' })
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (effect.kind === 'say') ended.push(effect.text)
      return { ok: true, result: null }
    }
    function* program(): Steps<unknown> {
      try {
        yield* band.all([() => say('stop'), () => say('go on')])
      } catch {
        ended.push('handled')
      }
      return undefined
    }
    await expect(drive(program(), 'p/', perform)).rejects.toBeInstanceOf(Halt)
    expect(ended).toEqual(['go on'])
  })
})
