import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { basename, delimiter, dirname, isAbsolute, join, normalize, sep } from 'node:path'

/** What every command sees of the host, as arguments of bwrap. Never a whole /etc, /run, /var or home: sockets, keys and
 *  other people's files lie there. */
export async function systemBinds(): Promise<string[]> {
  const binds: string[] = []
  for (const name of ['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    const found = await lstat(`/${name}`).catch(absent)
    if (found?.isSymbolicLink()) binds.push('--symlink', await readlink(`/${name}`), `/${name}`)
    else if (found) binds.push('--ro-bind', `/${name}`, `/${name}`)
  }
  // Where programs live on NixOS and Guix; world-readable by design.
  for (const path of ['/nix/store', '/gnu/store']) {
    if (await stat(path).catch(absent)) binds.push('--ro-bind', path, path)
  }
  const java = (await readdir('/etc').catch(() => []))
    .filter((name) => name.startsWith('java'))
    .map((name) => `/etc/${name}`)
  for (const path of [...ETC, ...java]) {
    if (await stat(path).catch(absent)) binds.push('--ro-bind', path, path)
  }
  return binds
}

/** /etc/ssl and /etc/pki hold private keys beside the public certificates. */
const ETC = [
  '/etc/alternatives',
  '/etc/ca-certificates',
  '/etc/crypto-policies',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/mime.types',
  '/etc/pki/ca-trust',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/tls/certs',
  '/etc/protocols',
  '/etc/services',
  '/etc/ssl/cert.pem',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/timezone',
]

/** Made-up files; their place, and the text for the command's user. */
export function madeUpFiles(): Readonly<Record<string, string>> {
  const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  return {
    '/etc/passwd': `agent:x:${uid}:${gid}::/nonexistent:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n`,
    '/etc/group': `agent:x:${gid}:\nnogroup:x:65534:\n`,
    '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    '/etc/hosts': `127.0.0.1 localhost ${HOSTNAME}\n::1 localhost\n`,
  }
}

/** Short and resolvable: looking up one's own name must not wait for a resolver. */
export const HOSTNAME = 'sandbox'

/** Folders of the running Node and of PATH that the system binds do not show. `hidden` are folders that have binds of their own. */
export async function programBinds(path: string, hidden: readonly string[]): Promise<string[]> {
  const node = dirname(await realpath(process.execPath))
  const folders = new Set<string>()
  for (const entry of [node, ...path.split(delimiter)]) {
    if (!isAbsolute(entry)) continue
    const folder = normalize(entry).replace(/(?<=.)\/$/, '')
    folders.add(folder)
    // What stands in `bin` are often links to it: npm is lib/node_modules/npm/bin/npm-cli.js.
    if (basename(folder) === 'bin') for (const name of ['lib', 'libexec']) folders.add(join(dirname(folder), name))
  }
  const binds: string[] = []
  for (const folder of folders) {
    if (SYSTEM.some((system) => within(folder, system)) || hidden.some((one) => within(folder, one))) continue
    // A folder above a hidden one would show what lies beside it.
    if (folder === '/' || hidden.some((one) => within(one, folder))) continue
    if ((await stat(folder).catch(absent))?.isDirectory()) binds.push('--ro-bind', folder, folder)
  }
  return binds
}

/** Folders that every command sees whole. */
export const SYSTEM = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/nix/store',
  '/gnu/store',
  '/proc',
  '/dev',
]

/** Whether `path` is `folder` or lies in it. */
export const within = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep)

const absent = (): undefined => undefined
