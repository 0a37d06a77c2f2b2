import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codebandTypes, projectTypes, projectTypesFile } from '../../adapters/cli/scaffold/project-types.ts'
import { place } from '../scene/place.ts'
import { declarations, shipped } from './declarations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = join(root, 'test/fixtures/types')
const tsc = join(root, 'node_modules/.bin/tsc')
let dist: string

beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), 'codeband-dist-'))
  const argv = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--noCheck', '--outDir', dist]
  execFileSync(tsc, argv, { cwd: root })
})
afterAll(() => rmSync(dist, { recursive: true, force: true }))

/** A project with the fixture's definitions and the types that codeband writes beside them. */
async function project(): Promise<string> {
  const at = place()
  cpSync(fixture, at, { recursive: true })
  mkdirSync(join(at, '.agents/types'))
  for (const [file, text] of Object.entries(await codebandTypes())) writeFileSync(join(at, file), text)
  // Not known to the compiler here: this project's own tools would then be the only ones for the tests of the house.
  const { default: scribe } = await import(join(fixture, '.agents/scribe.ts'))
  const { default: listTodos } = await import(join(fixture, '.agents/tools/list-todos.ts'))
  writeFileSync(join(at, projectTypesFile), await projectTypes([scribe], [listTodos]))
  return at
}

function install(at: string, ...names: ('codeband' | 'zod' | 'eventemitter3')[]): void {
  const folder = join(at, 'node_modules')
  mkdirSync(folder)
  for (const name of names) if (name !== 'codeband') symlinkSync(join(root, 'node_modules', name), join(folder, name))
  if (!names.includes('codeband')) return
  mkdirSync(join(folder, 'codeband'))
  cpSync(join(root, 'package.json'), join(folder, 'codeband/package.json'))
  cpSync(dist, join(folder, 'codeband/dist'), { recursive: true })
}

/** What the compiler says, a line an error. */
async function check(at: string, ...flags: string[]): Promise<string[]> {
  const argv = ['--noEmit', '--strict', '--module', 'nodenext', '--allowImportingTsExtensions', ...flags]
  const files = ['scribe', 'wrong', 'schemas', 'playing', 'tools/list-todos'].map((name) => `.agents/${name}.ts`)
  try {
    const { stdout } = await promisify(execFile)(tsc, [...argv, ...files, 'codeband.config.ts'], { cwd: at })
    return stdout.split('\n').filter(Boolean)
  } catch (error) {
    return (error as { stdout: string }).stdout.split('\n').filter(Boolean)
  }
}

describe('the types that init writes', { timeout: 60_000 }, () => {
  test('are made of the real ones: `tsx test/types/declarations.ts` would change nothing', () => {
    for (const [file, text] of Object.entries(declarations())) {
      expect(readFileSync(join(shipped, file), 'utf8'), file).toBe(text)
      expect(text.split('\n').length).toBeLessThan(400)
    }
  })

  test('check definitions in a folder where nothing is installed', async () => {
    expect(await check(await project())).toEqual([])
  })

  test('need neither the browser nor Node', async () => {
    const at = await project()
    for (const file of ['tools/list-todos.ts', 'playing.ts']) {
      const path = join(at, '.agents', file)
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(`{ signal }`, `{}`))
    }
    expect(await check(at, '--lib', 'es2024')).toEqual([])
  })

  test('give way to an installed codeband, which says the same of the same files', async () => {
    const at = await project()
    install(at, 'codeband', 'zod', 'eventemitter3')
    expect(await check(at)).toEqual([])
    const seen = await check(at, '--listFiles')
    expect(seen.filter((line) => line.endsWith('/node_modules/codeband/dist/core/role/role.d.ts'))).toHaveLength(1)
  })

  test('go with a zod of the project', async () => {
    const at = await project()
    install(at, 'zod')
    expect(await check(at)).toEqual([])
  })

  test('find the same mistakes as the package, at the same places', async () => {
    const at = await project()
    const file = join(at, '.agents/wrong.ts')
    const text = readFileSync(file, 'utf8')
    const expected = text.split('\n').flatMap((line, index) => (line.includes('@ts-expect-error') ? [index + 2] : []))
    writeFileSync(file, text.replaceAll('@ts-expect-error', 'expect an error:'))
    const lines = (said: readonly string[]): number[] =>
      [...new Set(said.flatMap((line) => /^\.agents\/wrong\.ts\((\d+),/.exec(line)?.[1] ?? []))].map(Number)
    expect(lines(await check(at))).toEqual(expected)
    install(at, 'codeband', 'zod', 'eventemitter3')
    expect(lines(await check(at))).toEqual(expected)
  })
})
