import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isClosed } from '../loaders/esbuild/closed.ts'
import type { Repository } from '../repository.ts'
import { isCode } from './agents-folder.ts'
import { type BundledDefinitions, keepDefinitions } from './bundle.ts'
import { gitFacts } from './warm-listing.ts'
import { type Listing, writeWarm } from './warm-record.ts'

/** Remembers what trusted definitions came to, so that the next load need not bundle them, nor the next `codeband roles` run them.
 *  Bundles with an error are not remembered. Best effort. */
export async function keepWarm(repository: Repository, bundled: BundledDefinitions, listing?: Listing): Promise<void> {
  const { own, builtin, warm, paths } = bundled
  const shown = listing && listingOf(listing, own.code)
  if (paths === undefined || (warm !== undefined && (shown === undefined || warm.listing !== undefined))) return
  if ([...own.diagnostics, ...builtin.diagnostics].some(({ severity }) => severity === 'error')) return
  const { root, home } = repository
  const { hash, definitions, files, configFile, configData, configText, began } = bundled
  const kept = ({ hash, inputs, diagnostics }: typeof own) => ({ hash, inputs, diagnostics })
  const all = [...new Set([...paths, ...treeOf(join(root, '.agents'))])].sort()
  try {
    await keepDefinitions(repository, bundled)
  } catch {
    // The home cannot be written: nothing is remembered.
    return
  }
  writeWarm(root, home, {
    paths: all,
    began,
    record: {
      hash,
      definitions,
      files,
      own: kept(own),
      builtin: kept(builtin),
      configFile,
      configData,
      configText,
      paths,
      git: gitFacts(root),
      listing: shown,
    },
  })
}

/** A listing with an error is short-lived, and one of definitions that look at the world may differ the next time. */
function listingOf(listing: Listing, code: string): Listing | null | undefined {
  if (listing.diagnostics.some(({ severity }) => severity === 'error')) return undefined
  return isClosed(code) ? listing : null
}

/** Every folder and every code file below: what lies in `.agents` beside roles is looked at too. */
function treeOf(folder: string): string[] {
  let entries: ReturnType<typeof list>
  try {
    entries = list(folder)
  } catch {
    return [folder]
  }
  return [
    folder,
    ...entries.flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : treeOf(path)
      return isCode(entry.name) ? [path] : []
    }),
  ]
}

const list = (folder: string) => readdirSync(folder, { withFileTypes: true })
