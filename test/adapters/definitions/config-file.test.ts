import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findConfig, readConfig } from '../../../adapters/definitions/config-file.ts'

let room: string
let count = 0
beforeAll(async () => {
  room = await realpath(await mkdtemp(join(tmpdir(), 'config-')))
})
afterAll(() => rm(room, { recursive: true, force: true }))

const repository = async (files: Record<string, string>) => {
  const root = join(room, String(count++))
  for (const [path, text] of Object.entries({ '.keep': '', ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}
const read = async (files: Record<string, string>) => {
  const found = await findConfig(await repository(files))
  return found && (await readConfig(found))
}

test('each name is found, as code or as data', async () => {
  for (const [name, kind] of [
    ['codeband.config.ts', 'code'],
    ['codeband.config.js', 'code'],
    ['codeband.config.mjs', 'code'],
    ['codeband.config.yaml', 'data'],
    ['codeband.config.yml', 'data'],
    ['codeband.config.json', 'data'],
  ] as const) {
    const root = await repository({ [name]: '{}', 'package.json': '{"name":"codeband"}' })
    expect(await findConfig(root)).toEqual({ file: join(root, name), kind })
  }
})

test('without a configuration there is none, also when a folder above has one', async () => {
  const root = await repository({ 'codeband.config.json': '{}', 'inner/package.json': '{"name":"x","codebands":1}' })
  expect(await findConfig(join(root, 'inner'))).toBeUndefined()
  expect(await findConfig(join(root, 'absent'))).toBeUndefined()
})

test('YAML, JSON and the key of package.json give their value', async () => {
  const value = { sandbox: 'off', checks: [['npm', 'test']] }
  const text = JSON.stringify(value)
  expect(await read({ 'codeband.config.yaml': 'sandbox: off # said so\nchecks: [[npm, test]]\n' })).toMatchObject({
    value,
  })
  expect(await read({ 'codeband.config.json': `\ufeff${text}` })).toMatchObject({ value })
  expect(await read({ 'codeband.config.yml': '' })).toEqual({ value: {}, text: '' })
  const inPackage = { value, text }
  expect(await read({ 'package.json': `{"name":"a","codeband":${text}}` })).toEqual(inPackage)
  expect(await read({ 'package.json': `{ "version": "2",\n "codeband": ${text} }` })).toEqual(inPackage)
})

test('two configurations are one too many', async () => {
  await expect(read({ 'codeband.config.ts': '', 'codeband.config.json': '{}' })).rejects.toMatchObject({
    code: 'CB_CONFIG_READ',
    message: expect.stringContaining("there is also 'codeband.config.json'"),
  })
  await expect(read({ 'codeband.config.yaml': '', 'package.json': '{"codeband":{}}' })).rejects.toThrow('package.json')
})

test('a fault is told with file, line and column', async () => {
  const place = async (files: Record<string, string>) => {
    const error = await read(files).catch((thrown: Error & { code?: string }) => thrown)
    expect(error).toMatchObject({ code: 'CB_CONFIG_READ' })
    return /'([^']+)'/.exec((error as Error).message)?.[1]
  }
  expect(await place({ 'codeband.config.yaml': 'a: 1\nb: [1\nc: }' })).toBe('codeband.config.yaml:3:1')
  for (const [text, at] of [
    ['{\n  "a": 1,\n  "b": x\n}', '3:8'],
    ['', '1:1'],
    ['{"a":1}]', '1:8'],
    ['{\n"a":', '2:5'],
    ['{\n"a": 1,\n}', '3:1'],
    ['[1,\n01]', '2:1'],
    ['{"a": "b\n"}', '1:7'],
    ["{'a': 1}", '1:2'],
    ['[1}', '1:3'],
    ['{"a" 1}', '1:6'],
  ] as const) {
    expect(await place({ 'codeband.config.json': text }), text).toBe(`codeband.config.json:${at}`)
  }
  expect(await place({ 'package.json': '{\n "codeband": }' })).toBe('package.json:2:14')
  expect(await findConfig(await repository({ 'package.json': '{ broken' }))).toBeUndefined()
})

test('a configuration that cannot be read is an error, not an absence', async () => {
  await expect(read({ 'codeband.config.json/x': '' })).rejects.toMatchObject({ code: 'CB_CONFIG_READ' })
})

test('looking for a configuration runs nothing of the repository', async () => {
  const evil = "require('node:fs').writeFileSync('ran', '')"
  const root = await repository({
    '.config/config.js': evil,
    '.config/config.cjs': evil,
    '.config/codebandrc.js': evil,
    '.codebandrc.js': evil,
    'codeband.config.cjs': evil,
    'codeband.config.js': evil,
    'package.json': '{"cosmiconfig":{"searchPlaces":["evil.cjs"]}}',
    'evil.cjs': evil,
  })
  const module = new URL('../../../adapters/definitions/config-file.ts', import.meta.url).href
  const script = `const { findConfig } = await import(${JSON.stringify(module)}); console.log((await findConfig(${JSON.stringify(root)})).kind)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
  expect(stdout).toBe('code\n')
  expect(await readdir(root)).not.toContain('ran')
})
