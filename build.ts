import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'

// JavaScript and declarations for the package; tsc is all it takes, but for the declarations that `codeband init` hands out.
rmSync('dist', { recursive: true, force: true })
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
for (const name of ['codeband.d.ts', 'subpaths.d.ts', 'zod.d.ts']) {
  cpSync(`adapters/cli/scaffold/${name}`, `dist/adapters/cli/scaffold/${name}`)
}
chmodSync('dist/adapters/cli/main.js', 0o755)
