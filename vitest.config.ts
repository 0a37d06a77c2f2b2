import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import ClosingLine from './test/closing-line.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^codeband$/, replacement: here('adapters/index.ts') },
      { find: /^codeband\/(roles|testing)$/, replacement: `${here('adapters')}/$1.ts` },
      { find: /^codeband\/(claude|codex|scripted)$/, replacement: `${here('adapters/frameworks')}/$1.ts` },
    ],
  },
  test: {
    include: process.env.LONG ? ['test/long/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(process.env.LONG ? [] : ['test/long/**'])],
    globalSetup: [here('test/scene/build.ts')],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: ['default', new ClosingLine()],
    pool: 'forks',
    // Most of what the tests do is waiting for processes of their own.
    maxWorkers: 4,
  },
})
