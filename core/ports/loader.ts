import type { Diagnostic } from '../role/diagnostic.ts'

/** Turns TypeScript files a person wrote into values, from one bundle that can be trusted by its hash. */
export interface Loader {
  /** Bundles the files with all they import. `codeband` (and its subpaths) and `zod` resolve to the running codeband.
   *  Contract: runs no line of them. A file that does not compile is a diagnostic; the others are still in the bundle. */
  bundle(files: readonly SourceFile[]): Promise<Bundle>
  /** Runs the bundle and gives each file's default export under its `name`. A file that throws while it loads is a diagnostic. */
  run(bundle: Bundle): Promise<{ values: ReadonlyMap<string, unknown>; diagnostics: readonly Diagnostic[] }>
}

export interface SourceFile {
  /** Key of the value, for example `role:.agents/coder.ts`. */
  name: string
  /** Absolute path. */
  path: string
}

export interface Bundle {
  /** SHA-256 of `code`: the same sources give the same hash wherever they lie. */
  hash: string
  /** One ES module. */
  code: string
  /** Absolute paths of every file in it. */
  inputs: readonly string[]
  /** Absolute paths of what else decided what the bundle is: manifests, folders whose names were searched, and places where nothing lay.
   *  While none of them and no input changes, the same files give the same bundle. Absent where this is not known. */
  lookups?: readonly string[] | undefined
  diagnostics: readonly Diagnostic[]
}
