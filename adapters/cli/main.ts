#!/usr/bin/env node
import { oldestNode, version } from '../../core/version.ts'

// Only what an old Node can read stands here; everything else is loaded once it is known to be new enough.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const [oldestMajor = 0, oldestMinor = 0] = oldestNode.split('.').map(Number)
const argv = process.argv.slice(2)

// Whoever read our words has gone (`| head`): the same as Ctrl-C, so that a band winds down.
let heard = true
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (heard) process.kill(process.pid, 'SIGINT')
    heard = false
  })
}

if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
  console.error(
    `CB_NODE_VERSION  codeband needs Node ${oldestNode} or newer; this is ${process.versions.node}. Install a current Node and run it again.`,
  )
  process.exitCode = 2
} else if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  console.log(version)
} else {
  process.exitCode = (await listed()) ?? (await (await import('./program.ts')).runCli(argv))
}

/** `roles` where it was asked before and nothing has changed: the command line's parser would be half of the time. */
async function listed(): Promise<number | undefined> {
  const [command, ...options] = argv
  if (command !== 'roles' || !options.every((one) => one === '--json' || one === '--graph')) return undefined
  const { host } = await import('../host.ts')
  const { openScreen } = await import('./screen.ts')
  const { showWarmRoles } = await import('./show-roles.ts')
  return showWarmRoles(
    '.',
    openScreen({ json: options.includes('--json'), env: host().env }),
    options.includes('--graph'),
  )
}
