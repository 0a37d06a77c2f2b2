import { createHash } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { extname, join, resolve, sep } from 'node:path'
import type { BuildResult, Loader as FileType, Message, Plugin } from 'esbuild'
import { CodebandError } from '../../core/errors.ts'
import type { Bundle, Loader, SourceFile } from '../../core/ports/loader.ts'
import type { Diagnostic } from '../../core/role/diagnostic.ts'
import { lookupsOf } from './esbuild/lookups.ts'
import { runBundle } from './esbuild/run-bundle.ts'
import { banner, provide, shim, taken } from './esbuild/shim.ts'
import { stableName } from './esbuild/stable-name.ts'

export { provide }

export interface EsbuildLoaderOptions {
  /** The repository: what diagnostics and the bundle name files from. */
  root: string
  /** What `codeband`, `codeband/<subpath>` and `zod` are inside a bundle: import specifier to module namespace, or to a function that
   *  gives it, which is called when a file imports it. */
  modules: Modules
}

type Modules = Readonly<Record<string, object | (() => Promise<object>)>>

/** Bundles with esbuild. Packages of the repository are bundled in, Node's own modules stay imports. */
export function esbuildLoader({ root: given, modules }: EsbuildLoaderOptions): Loader {
  return {
    async bundle(files) {
      const root = await realpath(given)
      const sorted = await Promise.all(
        [...files]
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(async ({ name, path }) => ({ name, path: await realpath(path).catch(() => path) })),
      )
      const whole = await bundleOf(root, sorted, modules)
      if (!('problems' in whole)) return finish(root, whole, [])
      const alone = await Promise.all(
        sorted.map(async (file) => ({ file, result: await bundleOf(root, [file], modules) })),
      )
      const sound = alone.filter(({ result }) => !('problems' in result)).map(({ file }) => file)
      const problems = alone.flatMap(({ result }) => ('problems' in result ? result.problems : []))
      const rest = await bundleOf(root, sound, modules)
      if ('problems' in rest)
        throw new CodebandError('CB_INTERNAL', { detail: rest.problems[0]?.message ?? 'no bundle' })
      return finish(root, rest, problems)
    },
    async run(bundle) {
      if (sha256(bundle.code) !== bundle.hash) {
        throw new CodebandError('CB_INTERNAL', { detail: `the bundle '${bundle.hash}' does not have that hash` })
      }
      const names = [...taken(bundle.code).keys()].filter((name) => Object.hasOwn(modules, name))
      provide(
        Object.fromEntries(await Promise.all(names.map(async (name) => [name, await namespaceOf(modules, name)]))),
      )
      return runBundle(await realpath(given), bundle)
    },
  }
}

async function namespaceOf(modules: Modules, name: string): Promise<object> {
  const given = modules[name]!
  return typeof given === 'function' ? given() : given
}

type Built = BuildResult<{ write: false; metafile: true }>

/** Two passes: a bundle that knew every export of the running codeband would change with each new one, in its source map. */
async function bundleOf(
  root: string,
  files: readonly SourceFile[],
  modules: Modules,
): Promise<Built | { problems: Diagnostic[] }> {
  try {
    const names = Object.keys(modules)
    const first = await pass(root, files, names, async (name) => Object.keys(await namespaceOf(modules, name)))
    const used = taken(textOf(first, '.mjs'))
    return await pass(root, files, names, async (name) => used.get(name) ?? [])
  } catch (error) {
    const { errors } = error as { errors?: Message[] }
    if (!errors) throw error
    return { problems: errors.map((message) => diagnosticOf(root, 'error', message, files)) }
  }
}

/** `exportsOf`: the names that a running module has. */
type ExportsOf = (module: string) => Promise<readonly string[]>

async function pass(
  root: string,
  files: readonly SourceFile[],
  modules: readonly string[],
  exportsOf: ExportsOf,
): Promise<Built> {
  // Only here: a bundle that was kept runs without it.
  const { build } = await import('esbuild')
  return build({
    stdin: { contents: entry(root, files), resolveDir: root },
    absWorkingDir: root,
    outfile: join(root, 'roles.mjs'),
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    charset: 'utf8',
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: false,
    logLevel: 'silent',
    define: {
      __dirname: '__codeband_dirname',
      __filename: '__codeband_filename',
      'import.meta.dirname': '__codeband_dirname',
      'import.meta.filename': '__codeband_filename',
      'import.meta.url': '__codeband_url',
    },
    banner: { js: banner },
    plugins: [running(modules, exportsOf), entries(files), places(root)],
  })
}

const textOf = ({ outputFiles }: Built, end: string): string =>
  outputFiles.find(({ path }) => path.endsWith(end))?.text ?? ''

/** `import()` of a bundled file runs it when it is called: bundling runs none, and one that throws does not stop the others. */
function entry(root: string, files: readonly SourceFile[]): string {
  const sources = files.map(({ name, path }, index) => {
    const file = JSON.stringify(stableName(root, path))
    return `[${JSON.stringify(name)}]: { file: ${file}, load: () => import('entry:${index}') },`
  })
  return `const files = {\n${sources.join('\n')}\n}\nexport const open = (place) => {\n__codeband_place = place\nreturn files\n}`
}

/** Absolute paths in the entry would change the columns of the source map. */
function entries(files: readonly SourceFile[]): Plugin {
  return {
    name: 'entries',
    setup({ onResolve }) {
      onResolve({ filter: /^entry:/ }, ({ path, importer }) =>
        importer === '<stdin>' ? { path: files[Number(path.slice('entry:'.length))]!.path } : undefined,
      )
    },
  }
}

/** `codeband` and `zod` are the running ones; a package that brings its own zod keeps it. */
function running(modules: readonly string[], exportsOf: ExportsOf): Plugin {
  return {
    name: 'running',
    setup({ onResolve, onLoad, resolve: find }) {
      onResolve({ filter: /^(codeband|zod)($|\/)/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === 'its own') return undefined
        const inPackage = importer.includes(`${sep}node_modules${sep}`)
        if (path.startsWith('zod') && (inPackage || !modules.includes(path))) {
          const own = await find(path, { resolveDir, kind, importer, pluginData: 'its own' })
          if (own.errors.length === 0) return own
        }
        if (modules.includes(path)) return { path, namespace: 'running', sideEffects: false }
        return { errors: [{ text: `'${path}' does not exist here. There are: ${modules.join(', ')}.` }] }
      })
      onLoad({ filter: /./, namespace: 'running' }, async ({ path }) => ({
        contents: shim(path, await exportsOf(path)),
        loader: 'js',
      }))
    },
  }
}

/** `__dirname`, `import.meta.url` and the like are computed when the bundle runs: its text names no folder of this machine. */
function places(root: string): Plugin {
  return {
    name: 'places',
    setup({ onLoad }) {
      onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
        // esbuild says better why a file cannot be read.
        const source = await readFile(path, 'utf8').catch(() => '')
        if (!/__dirname|__filename|import\.meta/.test(source)) return undefined
        const name = JSON.stringify(stableName(root, path))
        const names = 'dirname:__codeband_dirname,filename:__codeband_filename,url:__codeband_url'
        const prelude = `var{${names}}=__codeband_place(${name});`
        // On the first line of code, so that line numbers stay.
        const start = source.startsWith('#!') ? source.indexOf('\n') + 1 : 0
        return { contents: source.slice(0, start) + prelude + source.slice(start), loader: loaderOf(path) }
      })
    },
  }
}

function loaderOf(path: string): FileType {
  const extension = extname(path).slice(1).replace(/^[cm]/, '')
  return extension as 'ts' | 'tsx' | 'js' | 'jsx'
}

function finish(root: string, built: Built, problems: readonly Diagnostic[]): Bundle {
  const inputs = Object.keys(built.metafile.inputs).filter((name) => !name.startsWith('running:') && name !== '<stdin>')
  const map = JSON.parse(textOf(built, '.map')) as { sources: string[] }
  map.sources = map.sources.map((source) => stableName(root, resolve(root, source)))
  let code = textOf(built, '.mjs')
  // A file outside the repository (a role that ships with codeband) lies elsewhere on every machine.
  for (const name of inputs.filter((one) => one.startsWith('..'))) {
    const stable = stableName(root, resolve(root, name))
    code = code.replaceAll(`// ${name}\n`, `// ${stable}\n`).replaceAll(`"${name}"(`, `"${stable}"(`)
  }
  code += `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}\n`
  const warnings = built.warnings.map((message) => diagnosticOf(root, 'warning', message))
  const seen = new Map([...problems, ...warnings].map((one) => [JSON.stringify(one), one]))
  return {
    hash: sha256(code),
    code,
    inputs: inputs.map((name) => resolve(root, name)).sort(),
    lookups: problems.length > 0 ? undefined : lookupsOf(root, built.metafile.inputs),
    diagnostics: [...seen.values()],
  }
}

function diagnosticOf(
  root: string,
  severity: Diagnostic['severity'],
  { text, location }: Message,
  files: readonly SourceFile[] = [],
): Diagnostic {
  const code = /^Could not resolve|^Cannot read|does not exist here\./.test(text) ? 'unknown-import' : 'syntax'
  const name = (path: string) => (path.startsWith(root + sep) ? stableName(root, path) : path)
  if (location && location.file !== '<stdin>') {
    const file = name(resolve(root, location.file))
    return { severity, code, message: text, file, line: location.line, column: location.column + 1 }
  }
  // It is about the file itself, which could not be read.
  return { severity, code, message: text, ...(files[0] && { file: name(files[0].path) }) }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
