import { isAbsolute, join, relative, sep } from 'node:path'

/** A file's name in a bundle, the same on every machine: from the repository's root, or its last two parts where it lies outside. */
export function stableName(root: string, path: string): string {
  const inside = relative(root, path)
  const parts = path.split(sep)
  return (inside.startsWith('..') || isAbsolute(inside) ? ['outside', ...parts.slice(-2)] : inside.split(sep)).join('/')
}

/** The path behind a stable name; `inputs` are the files of its bundle. */
export function pathOf(root: string, name: string, inputs: readonly string[]): string {
  const path = join(root, name)
  if (!name.startsWith('outside/') || inputs.includes(path)) return path
  return inputs.find((input) => stableName(root, input) === name) ?? path
}

/** As a person would type it: relative to the repository where it lies inside. */
export function shownName(root: string, name: string, inputs: readonly string[]): string {
  const path = pathOf(root, name, inputs)
  return path.startsWith(root + sep) ? name : path
}
