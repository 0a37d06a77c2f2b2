import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds codeband's own package.json, built or not. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** The built-in roles: TypeScript in the repository, JavaScript in the package. */
export function builtinRolesFolder(): string {
  const built = join(packageFolder(), 'dist', 'roles')
  return import.meta.url.endsWith('.ts') ? join(packageFolder(), 'roles') : built
}
