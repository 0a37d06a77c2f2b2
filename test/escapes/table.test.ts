import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import catalogue from '../cases/escape-catalogue.json' with { type: 'json' }
import gate from '../cases/escapes.json' with { type: 'json' }
import processes from '../cases/sandbox-escapes.json' with { type: 'json' }

/** What waits, and for what. Everything else is proved somewhere below. */
const waiting: Readonly<Record<string, string>> = {}

/** Where cases are proved by their meaning, in files that do not write their names. */
const byMeaning: Readonly<Record<string, string>> = {
  'RL-027': 'boundary/gate.test.ts',
  'GR-024': 'escapes/project-files.test.ts',
  'GR-025': 'escapes/project-files.test.ts',
  'SC-010': 'adapters/frameworks/claude.test.ts',
}

/** The file and the words that name a case: its id in a title, `PR-003 to PR-006` for all between. */
function provedIn(): Map<string, string> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const proved = new Map(Object.entries(byMeaning).filter(([, file]) => existsSync(`${root}${file}`)))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.test.ts') && !file.includes('node_modules'),
  )
  for (const file of files.filter((one) => !one.endsWith('table.test.ts'))) {
    const text = readFileSync(`${root}${file}`, 'utf8')
    for (const [, from = '', to] of text.matchAll(/\b([A-Z]{2}-\d{3})(?: to ([A-Z]{2}-\d{3}))?/g)) {
      const [kind, first] = [from.slice(0, 3), Number(from.slice(3))]
      for (let n = first; n <= Number((to ?? from).slice(3)); n++) {
        const id = `${kind}${String(n).padStart(3, '0')}`
        if (!proved.has(id)) proved.set(id, file)
      }
    }
  }
  for (const { id, elsewhere } of processes) if (elsewhere === undefined) proved.set(id, 'escapes/sandbox.test.ts')
  // Some cases of the table have forms of their own: RL-019 is RL-019t, RL-019_ and so on.
  for (const { id } of gate) proved.set(id.slice(0, 6), 'escapes/policy.test.ts')
  return proved
}

test('every escape of the catalogue is proved, or says what it waits for', () => {
  const proved = provedIn()
  const layers = [...new Set(catalogue.map(({ layer }) => layer))]
  const rows = layers.map((layer) => {
    const all = catalogue.filter((one) => one.layer === layer)
    const open = all.filter(({ id }) => id in waiting || (layer === 'hub' && !proved.has(id)))
    const done = all.filter((one) => !open.includes(one))
    const count = (pattern: RegExp) => done.filter(({ expected }) => pattern.test(expected)).length
    return {
      layer,
      cases: all.length,
      denied: count(/^(deny|close|refuse|killed|one-winner)/),
      inert: count(/^(inert|invariant|redact|escape)/),
      'for a person': count(/^risk/),
      allowed: count(/^allow/),
      waiting: open.length,
      missing: done.filter(({ id }) => !proved.has(id)).map(({ id }) => id),
      open: open.map(({ id }) => id),
    }
  })
  console.info(
    rows
      .map(({ missing: _, open, ...row }) =>
        [
          ...Object.entries(row).map(([key, value]) => `${key} ${value}`),
          ...(open.length > 0 ? [`(${open.join(' ')})`] : []),
        ].join(', '),
      )
      .join('\n'),
  )
  expect(rows.flatMap(({ missing }) => missing)).toEqual([])
  for (const id of Object.keys(waiting))
    expect(
      catalogue.map((one) => one.id),
      id,
    ).toContain(id)
})
