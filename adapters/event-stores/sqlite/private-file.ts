import { accessSync, closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** Creates the file (0600) and its folders (0700) where they do not exist; those that exist keep their modes. Throws where this
 *  process may not write. */
export function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  accessSync(dirname(file), constants.R_OK | constants.W_OK | constants.X_OK)
  try {
    // Never opened once it exists: closing any descriptor of a file drops the locks that SQLite holds on it in this process.
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    accessSync(file, constants.R_OK | constants.W_OK)
  }
}
