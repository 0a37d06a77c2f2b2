/** Key of the map on `globalThis` where bundles find the running codeband: import specifier to module namespace. */
const MODULES = 'codeband.modules'

/** Makes these modules what bundles import by their names, from now on, for the whole process. */
export function provide(modules: Readonly<Record<string, object>>): void {
  const world = globalThis as unknown as Record<symbol, Map<string, object> | undefined>
  const key = Symbol.for(MODULES)
  world[key] ??= new Map()
  for (const [name, namespace] of Object.entries(modules)) world[key].set(name, namespace)
}

/** Goes before the code of a bundle: the function by which it takes an export of the running codeband. */
const taking = `const __codeband_take = (module, name) => {
  const found = globalThis[Symbol.for('${MODULES}')]?.get(module)
  if (!found) throw new Error(\`'\${module}' is only there when codeband runs this file\`)
  return found[name]
}`

/** CommonJS packages `require` Node's own modules, which an ES module cannot; nothing else is left to be required. */
const requiring = `const require = (name) => {
  const found = process.getBuiltinModule(name)
  if (!found) throw new Error(\`Cannot find module '\${name}' in this bundle\`)
  return found
}`

/** Before the code of every bundle. */
export const banner = `${requiring}\n${taking}\nlet __codeband_place`

/** The text of a module with these exports of the running codeband. */
export function shim(module: string, names: readonly string[]): string {
  const identifiers = names.filter((name) => /^[\w$]+$/.test(name)).sort()
  // Pure, so that only what a bundle imports stays in it.
  const takes = identifiers.map((name) => `const $${name} = /* @__PURE__ */ __codeband_take("${module}", "${name}")`)
  return `${takes.join('\n')}\nexport { ${identifiers.map((name) => `$${name} as ${name}`).join(', ')} }`
}

/** What a bundle takes: the names by module. */
export function taken(code: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [, module = '', name = ''] of code.matchAll(/__codeband_take\("([^"]+)", "([^"]+)"\)/g)) {
    found.set(module, [...(found.get(module) ?? []), name])
  }
  return found
}
