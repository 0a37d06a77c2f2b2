import { chmod, writeFile } from 'node:fs/promises'

/** What a client that speaks the protocol says of itself. */
export interface Rig {
  version?: string
  hooks?: boolean
  servers?: readonly { name: string; status: string }[]
  categories?: readonly { id: string; name: string; tokens: number }[]
  mcpTools?: readonly string[]
  /** Tools it announces at a prompt, where it then calls nothing and asks no model. */
  announced?: readonly string[]
}

/** Writes a program that speaks the client's side of the protocol and is not to be trusted in what `rig` says. */
export async function rigClient(file: string, rig: Rig): Promise<string> {
  const { version = '2.1.329', hooks = true, categories = [], announced = [] } = rig
  const servers = rig.servers ?? [{ name: 'codeband', status: 'connected' }]
  const context = {
    categories,
    mcpTools: (rig.mcpTools ?? []).map((name) => ({ name, serverName: 'codeband', tokens: 1 })),
  }
  const answers = {
    initialize: {
      commands: [],
      agents: [],
      models: [],
      account: {},
      hooks_applied: hooks,
      hook_on_failure_supported: true,
      claude_code_version: version,
    },
    mcp_status: { mcpServers: servers },
    get_context_usage: context,
  }
  const init = {
    type: 'system',
    subtype: 'init',
    session_id: 's',
    tools: announced,
    mcp_servers: servers,
    permissionMode: 'default',
  }
  await writeFile(
    file,
    `#!${process.execPath}
if (process.argv[2] === '--version') {
  console.log('${version} (Claude Code)')
  process.exit()
}
const answers = ${JSON.stringify(answers)}
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n')
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (message.type === 'user') return say(${JSON.stringify(init)})
  if (message.type !== 'control_request') return
  const response = answers[message.request.subtype] ?? {}
  say({ type: 'control_response', response: { subtype: 'success', request_id: message.request_id, response } })
})
`,
  )
  await chmod(file, 0o755)
  return file
}

/** Writes a program that is the real client, started with other arguments or variables than it was given; `drop` has the starts of
 *  arguments. */
export async function misledClient(
  file: string,
  real: string,
  {
    drop = [],
    add = [],
    env = {},
  }: { drop?: readonly string[]; add?: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<string> {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const variables = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`)
  const dropped = drop.length === 0 ? '' : `${drop.map((start) => `${start}*`).join('|')}) ;; `
  await writeFile(
    file,
    `#!/bin/sh
${variables.join('\n')}
for argument do
  shift
  case "$argument" in ${dropped}*) set -- "$@" "$argument";; esac
done
exec ${quoted(real)} "$@" ${add.map(quoted).join(' ')}
`,
    { mode: 0o755 },
  )
  return file
}
