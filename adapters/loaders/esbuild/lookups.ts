import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'

/** What a bundler tells of the files it read; names are relative to the root. */
export type Inputs = Readonly<
  Record<string, { imports: readonly { path: string; original?: string; external?: boolean }[] }>
>

/** Absolute paths beside the inputs themselves that decide which files a bundle is made of, and how: folders whose names do, manifests,
 *  and places where nothing may appear. Undefined where they cannot all be named. */
export function lookupsOf(root: string, inputs: Inputs): string[] | undefined {
  const found = new Set<string>()
  let packages = false
  for (const [name, { imports }] of Object.entries(inputs)) {
    if (isOurs(name)) continue
    const path = resolve(root, name)
    const above = ancestors(dirname(path))
    for (const folder of above) {
      for (const manifest of ['package.json', 'tsconfig.json', 'jsconfig.json']) found.add(join(folder, manifest))
    }
    const inPackage = path.includes(`${sep}node_modules${sep}`)
    for (const { path: target, original, external } of imports) {
      const specifier = original ?? target
      if (specifier.startsWith('entry:') || (external && isBuiltin(specifier))) continue
      if (isOurs(target) && (specifier === 'zod' ? !inPackage : !specifier.startsWith('zod/'))) continue
      if (specifier.startsWith('#') || isAbsolute(specifier)) return undefined
      if (/^\.\.?(\/|$)/.test(specifier)) {
        const meant = resolve(dirname(path), specifier)
        for (const one of [dirname(meant), meant, join(meant, 'package.json')]) found.add(one)
        continue
      }
      packages = true
      for (const folder of above) {
        for (const one of ['.pnp.cjs', '.pnp.js', '.pnp.data.json']) found.add(join(folder, one))
        for (const one of placesOf(folder, specifier)) found.add(one)
      }
      if (!external && !isOurs(target)) found.add(dirname(resolve(root, target)))
    }
  }
  const settings = [...found].filter((path) => /[\\/][jt]sconfig\.json$/.test(path))
  for (const path of settings) {
    const more = extended(path, found)
    if (more === undefined || (more.mapped && packages)) return undefined
  }
  return [...found].sort()
}

const isOurs = (name: string): boolean => name.startsWith('running:') || name === '<stdin>'

/** A package and what is asked of it, as `node_modules` of this folder would hold them. */
function placesOf(folder: string, specifier: string): string[] {
  const parts = specifier.split('/')
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  const whole = join(folder, 'node_modules', specifier)
  const package_ = join(folder, 'node_modules', name)
  return whole === package_ ? [package_] : [package_, dirname(whole), whole]
}

/** Adds what a TypeScript configuration extends, and tells whether any of them maps imports to other files. Undefined where what it extends
 *  is not found. */
function extended(path: string, found: Set<string>, depth = 0): { mapped: boolean } | undefined {
  const text = textOf(path)
  if (text === undefined) return { mapped: false }
  let mapped = /"(paths|baseUrl)"/.test(text)
  const [, given] = /"extends"\s*:\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\])/.exec(text) ?? []
  if (given === undefined) return text.includes('"extends"') ? undefined : { mapped }
  if (depth > 10) return undefined
  for (const [, specifier] of given.matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
    const bases = /^\.\.?(\/|$)/.test(specifier!)
      ? [resolve(dirname(path), specifier!)]
      : ancestors(dirname(path)).map((folder) => join(folder, 'node_modules', specifier!))
    const candidates = bases.flatMap((base) => [base, `${base}.json`, join(base, 'tsconfig.json')])
    for (const one of [...candidates, ...bases.map((base) => join(base, 'package.json'))]) found.add(one)
    const there = candidates.filter((one) => textOf(one) !== undefined)
    if (there.length === 0) return undefined
    for (const one of there) {
      const more = extended(one, found, depth + 1)
      if (more === undefined) return undefined
      mapped ||= more.mapped
    }
  }
  return { mapped }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Nothing there, or a folder; what cannot be read at all is noticed when it is looked at.
    return undefined
  }
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...ancestors(parent)]
}
