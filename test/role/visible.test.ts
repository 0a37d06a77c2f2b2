import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { invisibleNote, visible } from '../../core/role/visible.ts'

const family = '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'
const hidden = [
  '\u200b',
  '\u200c',
  '\u200e',
  '\u2060',
  '\ufeff',
  '\u00ad',
  '\u061c',
  '\u202e',
  '\u2066',
  '\u2028',
  '\u2029',
  '\u3164',
  '\u180e',
  '\ufff9',
  '\ufe00',
  '\u{e0001}',
  '\u{e0041}',
  '\u{e0100}',
  '\u0000',
  '\u0007',
  '\u001b',
  '\u007f',
  '\u009b',
  '\ud800',
  '\udfff',
]

describe('what others see of a text (PI-009)', () => {
  test.each(hidden.map((char) => [char.codePointAt(0)!.toString(16), char]))('U+%s is its escape', (hex, char) => {
    expect(visible(`a${char}b`)).toBe(`a\\u{${hex}}b`)
    expect(visible(char)).toBe(`\\u{${hex}}`)
  })

  test('lines, tabs, letters of any script and whole emoji are as they were', () => {
    for (const text of [
      'a\n\tb\r\nc',
      'Grüße, 日本語, עברית, हिन्दी, e\u0301',
      family,
      '\u{1F3F4}\u200D\u2620\uFE0F',
      '\u2764\uFE0F\u200D\u{1F525}',
      '\u{1F469}\u{1F3FD}\u200D\u{1F4BB}',
      '1\uFE0F\u20E3 \u00A9\uFE0E',
      '<!-- a comment stays -->',
    ])
      expect(visible(text)).toBe(text)
  })

  test('a joiner and a selector that join and select nothing are shown; so is a line feed that is none', () => {
    expect(visible('\u{1F468}\u200D')).toBe('\u{1F468}\\u{200d}')
    expect(visible('\u{1F468}\u200D\u200D\u{1F469}')).toBe('\u{1F468}\\u{200d}\\u{200d}\u{1F469}')
    expect(visible('a\uFE0F')).toBe('a\\u{fe0f}')
    expect(visible('\u2764\uFE0F\uFE0F')).toBe('\u2764\uFE0F\\u{fe0f}')
    expect(visible('1\uFE0F')).toBe('1\\u{fe0f}')
    expect(visible('over\rwritten')).toBe('over\\u{d}written')
  })
})

/** Texts in which such characters stand among others, as often alone as together. */
const texts = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.string({ unit: 'grapheme', maxLength: 5 }),
      fc.constantFrom(...hidden, '\u200D', '\uFE0F', '\u{1F468}', '\u{1F3FD}', '\u2764', '\r', '\n', '1', '\u20E3'),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

test('no text comes out with such a character in it, what is visible is unchanged, and twice is once', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const out = visible(text)
      const kept = out.replace(
        /(?<=\p{ExtPict}[\uFE0F\p{EMod}]?)\u200D(?=\p{ExtPict})|(?<=\p{ExtPict})[\uFE0E\uFE0F]|(?<=[0-9#*])\uFE0F(?=\u20E3)/gu,
        '',
      )
      expect(kept.replaceAll('\r\n', '\n')).not.toMatch(
        /[^\P{C}\n\t\p{Cn}\p{Co}\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}\u{13430}-\u{1343f}]|\p{DI}|\p{Bidi_C}|[\u2028\u2029]/u,
      )
      expect(visible(out)).toBe(out)
      const plain = (one: string) =>
        one.replace(/\\u\{[0-9a-f]+\}/g, '').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\p{DI}/gu, '')
      if (!text.includes('\\')) expect(plain(out)).toBe(plain(text))
      expect(invisibleNote(text) === '').toBe(out === text)
    }),
    { numRuns: 2000 },
  )
})

test('a note names the line and the character, a few of them', () => {
  expect(invisibleNote('plain\r\n')).toBe('')
  expect(invisibleNote('a\nb\nc\u200b\u200b')).toBe('note: line 3 holds U+200B')
  expect(invisibleNote('\u202e\n\n\u{e0041}')).toBe('note: line 1 holds U+202E, line 3 holds U+E0041')
  expect(invisibleNote('\u0007\n'.repeat(9))).toBe(
    'note: line 1 holds U+0007, line 2 holds U+0007, line 3 holds U+0007, line 4 holds U+0007, line 5 holds U+0007, ...',
  )
})
