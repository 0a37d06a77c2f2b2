/** What the self-test asks the probe to try. */
export interface ProbeTargets {
  /** A folder beside the worktree with the file `secret`. */
  outside: string
  /** A folder that may be read and not written. */
  store: string
  /** Servers of the host: TCP, UDP, a socket by path, an abstract one. */
  tcp: number
  udp: number
  path: string
  abstract: string
  /** Folders, and all that may be seen in them. */
  expected: Readonly<Record<string, readonly string[]>>
  /** Names that the environment of the command may hold. */
  names: readonly string[]
}

/** Tries in Node to get out, with a writable worktree as its folder; prints the JSON of the walls that it got over and how. What a
 *  broken wall lets through must do no harm: it writes canaries only, and asks about other places instead of touching them. */
export const nodeProbe = `
const fs = require('node:fs')
const net = require('node:net')
const target = JSON.parse(process.argv[1])
const over = {}
const note = (wall, how) => { over[wall] ??= how }
const attempt = (wall, how, action) => { try { if (action() !== false) note(wall, how) } catch {} }
const writable = (path) => { fs.accessSync(path, fs.constants.W_OK) }

fs.writeFileSync('inside', '')
attempt('files', 'read a file beside its worktree', () => fs.readFileSync(target.outside + '/secret'))
attempt('files', 'wrote beside its worktree', () => fs.writeFileSync(target.outside + '/written', ''))
for (const path of ['/', '/usr', '/etc']) attempt('files', 'may write ' + path, () => writable(path))
const seen = (folder, expected) => fs.readdirSync(folder).filter((name) => !expected.includes(name))
for (const [folder, expected] of Object.entries(target.expected)) {
  const more = seen(folder, expected)
  if (more.length > 0) note(folder === '/run' ? 'sockets' : 'files', 'saw ' + folder.replace(/\\/?$/, '/') + more[0])
}
attempt('files', 'saw the accounts of the host', () => fs.existsSync('/etc/shadow'))
attempt('repository', 'wrote into a folder that it may only read', () => fs.writeFileSync(target.store + '/written', ''))
for (const path of ['.git', 'protected', 'folder/inner/file'])
  attempt('protected', 'wrote ' + path, () => fs.writeFileSync(path, 'after'))
for (const path of ['.git', 'folder/inner', 'folder'])
  attempt('protected', 'moved ' + path, () => fs.renameSync(path, 'moved'))
attempt('protected', 'removed .git', () => fs.unlinkSync('.git'))

const status = fs.readFileSync('/proc/self/status', 'latin1')
const held = [...status.matchAll(/^Cap(?:Inh|Prm|Eff|Amb):\\t(.*)$/gm)].filter(([, bits]) => !/^0+$/.test(bits))
if (held.length > 0) note('capabilities', 'kept capabilities (' + held[0][1] + ')')
if (!/^NoNewPrivs:\\t1$/m.test(status)) note('capabilities', 'may gain privileges by set-user-id programs')
// 2: a filter of calls.
if (!/^Seccomp:\\t2$/m.test(status)) note('kernel', 'may call the keyrings of the host')
for (const fd of fs.readdirSync('/proc/self/fd')) attempt('files', 'holds something of the host open', () => /^\\/(?!dev\\/|proc\\/)/.test(fs.readlinkSync('/proc/self/fd/' + fd)))
const [, , , session, terminal] = fs.readFileSync('/proc/self/stat', 'latin1').replace(/^.*\\) /s, '').split(' ')
if (session === '0' || terminal !== '0') note('session', 'stayed in the session of its caller, whose terminal it could type into')
const others = fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name))
if (others.length > 3) note('processes', 'saw ' + others.length + ' processes')
for (const pid of others) attempt('environment', 'read the environment of another process', () => {
  const names = fs.readFileSync('/proc/' + pid + '/environ', 'latin1').split('\\0').map((line) => line.split('=')[0])
  return names.some((name) => name !== '' && !target.names.includes(name))
})
for (const path of ['/sys/kernel', '/dev/kmsg', '/dev/mem']) if (fs.existsSync(path)) note('kernel', 'saw ' + path)
for (const path of ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger']) attempt('kernel', 'may write ' + path, () => writable(path))

const connect = (wall, how, to) => new Promise((done) => {
  const socket = net.connect(to, () => { note(wall, how); socket.destroy() })
  socket.on('error', () => undefined)
  socket.on('close', done)
})
const datagram = () => new Promise((done) => {
  const socket = require('node:dgram').createSocket('udp4')
  socket.on('error', () => done())
  socket.send('probe', target.udp, '127.0.0.1', () => { socket.close(); done() })
})
Promise.all([
  connect('network', 'reached a server of the host', { port: target.tcp, host: '127.0.0.1' }),
  connect('sockets', 'reached a UNIX socket of the host', { path: target.path }),
  connect('sockets', 'reached an abstract UNIX socket of the host', { path: target.abstract }),
  datagram(),
]).then(() => console.log('probe ' + JSON.stringify(over)))
`

/** Tries in a shell what needs programs, with a worktree that it may not write. */
export const shellProbe = `
echo x > inside
echo x > .git
mkdir -p /tmp/here
if mount -t tmpfs none /tmp/here 2>/dev/null || mount --bind "$1" /tmp/here 2>/dev/null; then echo 'over mounts'; fi
echo 'probe done'
`
