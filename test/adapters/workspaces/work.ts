// A process of its own that tests kill: `node work.ts <root> <home> <bin> <call as JSON>`.
import { gitWorkspaces } from '../../../adapters/workspaces/git.ts'

const [root = '', home = '', bin = '', call = '[]'] = process.argv.slice(2)
const [verb, ...rest] = JSON.parse(call) as [string, ...string[]]
const workspaces = await gitWorkspaces({ root, home, bin })
if (verb === 'land') {
  const [branch = '', from = '', to = ''] = rest
  process.stdout.write(JSON.stringify(await workspaces.land(branch, from, to)))
} else {
  const [worker = '', commit = ''] = rest
  process.stdout.write(JSON.stringify(await (await workspaces.checkout(worker, commit)).changes()))
}
