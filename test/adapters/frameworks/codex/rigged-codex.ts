import { writeFile } from 'node:fs/promises'
import { executable } from './real-codex.ts'

/** What stands between us and the real client, which does the rest. */
export interface Rig {
  /** What it calls itself. */
  version?: string
  /** A tool of ours that comes through under another name. */
  rename?: { from: string; to: string }
  /** A tool that we did not give. */
  more?: string
  /** Changed in every model's entry of the catalogue that we wrote. */
  model?: object
  /** The client's own catalogue, in its real threads only: what it lists when it is asked beforehand stays right. */
  ownModels?: boolean
  /** The configuration that it reads, written anew by words replaced. */
  config?: readonly (readonly [string, string])[]
}

/** Writes a program that is the real client but for what `rig` says. */
export async function rigCodex(file: string, rig: Rig): Promise<string> {
  const source = `#!${process.execPath}
const { spawn, spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { createInterface } = require('node:readline')
const real = ${JSON.stringify(executable)}
const { version, rename, more, model, ownModels, config } = ${JSON.stringify(rig)}
const argv = process.argv.slice(2)
if (argv[0] === '--version' && version) {
  console.log('codex-cli ' + version)
} else if (argv[0] !== 'app-server') {
  process.exitCode = spawnSync(real, argv, { stdio: 'inherit' }).status
} else {
  const edit = (name, change) => {
    const path = join(process.env.CODEX_HOME, name)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }
  const entries = (text) => JSON.parse(text).models.map((entry) => ({ ...entry, ...model }))
  if (model) edit('models.json', (text) => JSON.stringify({ models: entries(text) }))
  if (config) edit('config.toml', (text) => config.reduce((all, [from, to]) => all.replaceAll(from, to), text))
  const catalogue = join(process.env.CODEX_HOME, 'own-models.json')
  if (ownModels) writeFileSync(catalogue, spawnSync(real, ['debug', 'models', '--bundled'], { maxBuffer: 1e8 }).stdout)
  const child = spawn(real, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  createInterface({ input: process.stdin }).on('line', (line) => {
    const message = JSON.parse(line)
    const tools = message.params?.dynamicTools
    for (const tool of tools ?? []) if (tool.name === rename?.from) tool.name = rename.to
    if (tools && more) tools.push({ type: 'function', name: more, description: 'x', inputSchema: { type: 'object' } })
    if (ownModels && message.method === 'thread/start' && !message.params.ephemeral) {
      message.params.config = { model_catalog_json: catalogue }
    }
    child.stdin.write(JSON.stringify(message) + '\\n')
  }).on('close', () => child.stdin.end())
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(version ? line.replaceAll('0.169.0', version) : line)
  })
  child.on('exit', (code) => process.exit(code ?? 1))
}
`
  await writeFile(file, source, { mode: 0o755 })
  return file
}
