// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source
import type { Mutant } from '../mutant.ts'

const bubblewrap = 'adapters/sandboxes/bubblewrap.ts'
const open = 'adapters/sandboxes/open.ts'
const suites = (...names: string[]): string[] => names.map((name) => `test/adapters/sandboxes/${name}.test.ts`)

export const sandbox: readonly Mutant[] = [
  {
    name: 'a command reaches the network',
    file: bubblewrap,
    find: "    '--unshare-all',\n",
    replace: "    '--unshare-all',\n    '--share-net',\n",
    killers: suites('installed', 'bubblewrap'),
  },
  {
    name: 'a host is allowed by how its name ends',
    file: 'core/boundary/host.ts',
    find: 'host.endsWith(`.${one.host}`)',
    replace: 'host.endsWith(one.host)',
    killers: ['test/boundary/host.test.ts', 'test/escapes/egress.test.ts'],
  },
  {
    name: 'an allowed name may stand for an address in here',
    file: 'adapters/network/way-out.ts',
    find: 'trusted || isPublic(address) ||',
    replace: 'true || isPublic(address) ||',
    killers: ['test/escapes/egress.test.ts'],
  },
  {
    name: 'the proxy leads wherever it is asked to',
    file: 'adapters/network/egress-proxy.ts',
    find: "    if (typeof target === 'string') return say(socket, 403, target)\n",
    replace:
      "    if (typeof target === 'string') return void (await way.connect({ host: 'evil.example', port: 80 }, hosts, closing.signal).catch(() => undefined))\n",
    killers: ['test/escapes/egress.test.ts'],
  },
  {
    name: 'a command gets the environment of codeband',
    file: bubblewrap,
    find: '      env: {},\n',
    replace: '      env: { ...process.env } as Record<string, string>,\n',
    killers: [...suites('installed'), 'test/escapes/sandbox-environment.test.ts'],
  },
  {
    name: 'protected paths of the worktree are writable',
    file: bubblewrap,
    find: "...guard.existing.flatMap((path) => ['--ro-bind', at(path), path]),",
    replace: '',
    killers: suites('installed', 'bubblewrap'),
  },
  {
    name: 'a command keeps capabilities',
    file: bubblewrap,
    find: "'--new-session', '--cap-drop', 'ALL', ",
    replace: "'--new-session', ",
    killers: [...suites('installed'), 'test/escapes/sandbox.test.ts'],
  },
  {
    name: "the system's settings are writable",
    file: bubblewrap,
    find: "...['--remount-ro', '/proc', '--remount-ro', '/', '--clearenv'],",
    replace: "...['--clearenv'],",
    killers: [...suites('installed'), 'test/escapes/sandbox.test.ts'],
  },
  {
    name: 'a missing sandbox runs commands bare',
    file: open,
    find: "  if (mode === 'if-available') return none(limits, env)\n",
    replace: "  if (mode === 'if-available' || 'missing' in found) return none(limits, env)\n",
    killers: suites('open'),
  },
  {
    name: 'a sandbox that leaks is taken',
    file: open,
    find: "if ('walls' in last && last.walls.every(({ holds }) => holds))",
    replace: "if ('walls' in last && last.walls.some(({ holds }) => holds))",
    killers: suites('open'),
  },
]
