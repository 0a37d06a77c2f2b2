import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileBoundary } from '../../core/boundary/boundary.ts'
import { decideCall, type PathFacts } from '../../core/boundary/gate.ts'
import type { Worktree } from '../../core/ports/workspace.ts'
import { toolbox } from '../../core/runtime/tools/toolbox.ts'

export interface Measure {
  name: string
  value: number
  unit: string
  /** What the same work costs without us, measured in the same run; 0 where there is nothing to compare with. */
  floor: number
  /** value / floor */
  ratio: number
  aim?: string
}

/** What the gate costs: one decision on a path and on a command, the same beside the system calls it needs, and a whole read_files
 *  call over a plain read. */
export async function gateBench(): Promise<Measure[]> {
  const compiled = compileBoundary(
    {
      id: 'coder',
      description: 'Writes.',
      writes: ['src/**', 'test/**/*.ts'],
      tools: ['write_file', 'read_files', { name: 'run_tests', allowedCommands: ['npm test', 'npx tsc --noEmit'] }],
    },
    { worker: 'coder-x-0', input: {} },
  )
  if ('problems' in compiled) throw new Error(compiled.problems.join('; '))
  const { boundary } = compiled
  const path = 'src/deep/er/file.ts'
  const parts = ['directory', 'directory', 'directory', 'file'].map((kind) => ({
    kind,
    links: 1,
  })) as PathFacts['parts']
  const facts = new Map([[path, { parts, siblings: [], leads: { inside: path } }]])
  const write = { tool: 'write_file', uses: [{ kind: 'write', path }], root: '/w' } as const
  const run = { tool: 'run_tests', uses: [{ kind: 'command', argv: ['npx', 'tsc', '--noEmit'] }] } as const
  const nothing = new Map()

  const folder = mkdtempSync(join(tmpdir(), 'codeband-bench-'))
  try {
    const file = join(folder, 'file.ts')
    writeFileSync(file, 'export const x = 1\n'.repeat(500))
    const { call, decide } = toolbox({
      boundary,
      worktree: { path: folder } as Worktree,
      writable: true,
      sandbox: undefined,
      home: folder,
      env: {},
      store: folder,
      commandTimeoutMs: 1000,
      custom: [],
      submit: unused,
      spawn: unused,
      ask: unused,
      say: unused,
      changes: async () => undefined,
    })
    const signal = new AbortController().signal
    const read = async () => {
      const { ok, output } = await call('read_files', { paths: ['file.ts'] }, { id: '1', signal })
      if (!ok) throw new Error(output)
    }
    const plain = await micros(2000, () => void readFileSync(file, 'utf8'))
    const whole = await micros(2000, read)
    mkdirSync(join(folder, 'src/deep/er'), { recursive: true })
    writeFileSync(join(folder, path), '')
    const wanted = { path, content: 'x' }
    const ask = async () => {
      const decision = await decide('write_file', wanted)
      if (!decision.allowed) throw new Error(decision.reason)
    }
    const places = path.split('/').map((_, at, names) => join(folder, ...names.slice(0, at + 1)))
    const looked = await micros(
      5000,
      () =>
        void places.forEach((place) => {
          lstatSync(place)
        }),
    )
    const decided = await micros(5000, ask)
    return [
      {
        name: 'gate: write_file decided on a real tree (floor: its system calls)',
        value: decided,
        unit: 'µs',
        floor: looked,
        ratio: decided / looked,
      },
      alone(
        'gate: one decision on a path',
        await micros(50_000, () => void decideCall(boundary, write, facts)),
        'under 20',
      ),
      alone(
        'gate: one decision on a command',
        await micros(50_000, () => void decideCall(boundary, run, nothing)),
        'under 5',
      ),
      {
        name: 'read_files over a plain read of the same file',
        value: whole,
        unit: 'µs',
        floor: plain,
        ratio: whole / plain,
        aim: 'at most 15 times',
      },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const unused = async () => ({ ok: false, output: 'unused' })

function alone(name: string, value: number, aim: string): Measure {
  return { name, value, unit: 'µs', floor: 0, ratio: 0, aim }
}

/** Median microseconds of one run, over batches. */
async function micros(times: number, act: () => void | Promise<void>): Promise<number> {
  const batches = 10
  const batch = times / batches
  const results: number[] = []
  for (let at = 0; at < batches + 2; at++) {
    const started = performance.now()
    for (let one = 0; one < batch; one++) await act()
    // The first two warm the compiler up.
    if (at >= 2) results.push(((performance.now() - started) * 1000) / batch)
  }
  return results.sort((a, b) => a - b)[batches / 2]!
}
