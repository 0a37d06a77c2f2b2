import { access, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sandbox } from '../../core/ports/sandbox.ts'

/** Tries to get out of the sandbox, once with a writable worktree and once without. '' when every wall holds, else what is wrong. */
export async function selfTest(sandbox: Sandbox): Promise<string> {
  const room = await realpath(await mkdtemp(join(tmpdir(), 'codeband-sandbox-')))
  const server = createServer((socket) => socket.destroy())
  let reached = false
  server.on('connection', () => {
    reached = true
  })
  try {
    const [worktree, home, outside] = [join(room, 'worktree'), join(room, 'home'), join(room, 'outside')]
    for (const folder of [worktree, home, outside]) await mkdir(folder)
    await writeFile(join(worktree, 'protected'), 'before')
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    for (const writable of [true, false]) {
      const { exitCode, output } = await sandbox.run({
        argv: [process.execPath, '-e', probe, outside, String(port)],
        cwd: worktree,
        worktree,
        writable,
        protect: [join(worktree, 'protected')],
        readable: [],
        home,
        network: false,
        env: { PATH: '/usr/bin:/bin' },
        timeoutMs: 20_000,
        maxOutput: 4_000,
      })
      if (exitCode !== 0 || !output.includes('probe done')) return `cannot run a command here: ${firstLine(output)}`
      const wrote = await access(join(outside, 'file')).then(yes, no)
      const inside = await access(join(worktree, 'inside')).then(yes, no)
      const kept = (await readFile(join(worktree, 'protected'), 'utf8')) === 'before'
      if (wrote || output.includes('wrote outside')) return 'let a command write outside its worktree'
      if (reached || output.includes('connected')) return 'let a command reach the network'
      if (!kept) return 'let a command write a protected path'
      if (inside !== writable) return `${writable ? 'kept a command from writing' : 'let a command write'} its worktree`
      await rm(join(worktree, 'inside'), { force: true })
    }
    return ''
  } finally {
    server.close()
    await rm(room, { recursive: true, force: true })
  }
}

const yes = () => true
const no = () => false
const firstLine = (text: string): string => text.trim().split('\n')[0] || 'it said nothing'

const probe = `
const fs = require('node:fs')
const [outside, port] = process.argv.slice(1)
const attempt = (what, action) => { try { action(); console.log(what) } catch {} }
fs.writeFileSync('inside', '')
attempt('wrote protected', () => fs.writeFileSync('protected', 'after'))
attempt('wrote outside', () => fs.writeFileSync(outside + '/file', ''))
attempt('wrote outside', () => fs.writeFileSync('/usr/codeband-probe', ''))
const done = (said) => { console.log(said); console.log('probe done'); process.exit(0) }
const socket = require('node:net').connect(Number(port), '127.0.0.1', () => done('connected'))
socket.on('error', () => done('refused'))
`
