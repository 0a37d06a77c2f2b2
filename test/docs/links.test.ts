import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const house = fileURLToPath(new URL('../..', import.meta.url))
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md', '.agents/**/*.md'], { cwd: house })
const read = (page: string): string => readFileSync(join(house, page), 'utf8')

/** The text without its code, where brackets and parentheses are something else. */
const prose = (page: string): string =>
  read(page)
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, 'code')

/** What the heading is called in a link to it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

test('the pages there are include those of every example', () => {
  expect(pages).toContain('README.md')
  expect(pages).toContain('docs/reference.md')
  expect(pages.filter((page) => page.startsWith('examples/')).length).toBeGreaterThan(3)
})

for (const page of pages) {
  test(`${page} links to nothing that is not there`, () => {
    for (const [, link] of prose(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
      const [path, heading] = link!.split('#') as [string, string | undefined]
      const file = path === '' ? page : join(dirname(page), path)
      expect(existsSync(join(house, file)), link).toBe(true)
      if (heading === undefined) continue
      const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, text]) => anchor(text!))
      expect(headings, link).toContain(heading)
    }
  })
}
