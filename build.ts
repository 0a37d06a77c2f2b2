import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'

// JavaScript and declarations for the package; tsc is all it takes.
rmSync('dist', { recursive: true, force: true })
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
chmodSync('dist/adapters/cli/main.js', 0o755)
