import fs, { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { BandPorts } from '../../adapters/open-band.ts'
import type { ResolvedConfig } from '../../core/config.ts'
import type { EventStore } from '../../core/ports/event-store.ts'
import type { Framework } from '../../core/ports/framework.ts'
import type { Event } from '../../core/protocol/events.ts'

/** Where a process is to die: at the `pass`-th time (from 1) that it comes by the point. */
export interface Kill {
  point: string
  pass: number
}

/** Stands between the band and its ports, counts every point it passes, and dies at one of them without a word. */
export interface Killer {
  pass(point: string): void
  /** How often each point was passed. */
  readonly passes: Readonly<Record<string, number>>
  store(inner: EventStore): EventStore
  ports(inner: BandPorts, config: ResolvedConfig): BandPorts
  config(inner: ResolvedConfig): ResolvedConfig
}

export function openKiller(kill: Kill | undefined): Killer {
  const passes: Record<string, number> = {}

  function pass(point: string): void {
    passes[point] = (passes[point] ?? 0) + 1
    if (kill?.point === point && kill.pass === passes[point]) process.kill(process.pid, 'SIGKILL')
  }
  const typed = (when: string, events: readonly Event[]): void => {
    pass(`${when} append`)
    for (const type of new Set(events.map((event) => event.type))) pass(`${when} ${type}`)
  }

  watchFiles(pass)

  return {
    pass,
    passes,
    store: (inner) => ({
      ...inner,
      async append(events, expected, lead) {
        typed('before', events)
        await inner.append(events, expected, lead)
        typed('after', events)
      },
      async *read(from) {
        for await (const event of inner.read(from)) {
          pass(`on reading ${event.type}`)
          yield event
        }
      },
      async lead() {
        const lead = await inner.lead()
        pass('after the lead')
        return lead
      },
    }),
    ports: ({ workspaces, sandbox, clock }, config) => ({
      clock,
      workspaces: {
        ...workspaces,
        async checkout(...args) {
          pass('before checkout')
          const worktree = await workspaces.checkout(...args)
          pass('after checkout')
          return {
            ...worktree,
            // A getter of the original, which a spread would freeze.
            get commit() {
              return worktree.commit
            },
            async save(change) {
              const saved = await worktree.save(change)
              pass('after save')
              return saved
            },
          }
        },
        async merge(...args) {
          const merged = await workspaces.merge(...args)
          pass('after merge-tree')
          return merged
        },
        async keep(commit) {
          await workspaces.keep(commit)
          pass('after keep')
        },
        async land(...args) {
          const result = await workspaces.land(...args)
          pass('after the ref')
          return result
        },
      },
      sandbox: {
        kind: sandbox.kind,
        freshHome: (home) => sandbox.freshHome(home),
        async run(command) {
          const what = command.argv.join(' ') === config.setup[0]?.join(' ') ? 'setup' : 'check'
          const begun = join(command.worktree, 'begun.txt')
          rmSync(begun, { force: true })
          let over = false
          const running = sandbox.run(command).finally(() => {
            over = true
          })
          for (; !over && !existsSync(begun); await new Promise(setImmediate));
          pass(`in ${what}`)
          const result = await running
          pass(`after ${what}`)
          return result
        },
      },
    }),
    config: (inner) => ({
      ...inner,
      frameworks: Object.fromEntries(
        Object.entries(inner.frameworks).map(([name, framework]) => [name, watched(framework, pass)]),
      ),
    }),
  }
}

function watched(framework: Framework, pass: (point: string) => void): Framework {
  return {
    ...framework,
    async start(options) {
      const session = await framework.start(options)
      pass('after session start')
      return {
        get token() {
          return session.token
        },
        async *prompt(text, how) {
          for await (const event of session.prompt(text, how)) {
            if (event.type === 'turn-end') pass('at turn end')
            yield event
          }
          pass('after turn end')
        },
        async close() {
          await session.close()
          pass('after session close')
        },
      }
    },
  }
}

/** The store reaches its files by these doors of Node; what is behind them is no port. */
function watchFiles(pass: (point: string) => void): void {
  const { renameSync, writeSync } = fs
  fs.renameSync = (from, to) => {
    const what = String(to).endsWith('.head') ? 'the checkpoint' : 'the kept fold'
    pass(`before ${what}`)
    renameSync(from, to)
    pass(`after ${what}`)
  }
  type Write = (handle: number, data: string, position?: number) => number
  const write = writeSync as Write
  fs.writeSync = ((handle, data, position) => {
    const note = typeof data === 'string' && data.startsWith('{"count":')
    if (!note) return write(handle, data, position)
    // Half of the line first, as where the machine is slow.
    write(handle, data.slice(0, data.length / 2), position)
    pass('in the note')
    return write(handle, data, position)
  }) satisfies Write as typeof fs.writeSync
  syncBuiltinESMExports()
  const { exec, prepare } = DatabaseSync.prototype
  DatabaseSync.prototype.exec = function (sql) {
    exec.call(this, sql)
    if (sql === 'BEGIN EXCLUSIVE') pass('after the lock of the lead')
  }
  DatabaseSync.prototype.prepare = function (sql, ...rest) {
    const statement = prepare.call(this, sql, ...rest)
    if (sql !== 'COMMIT') return statement
    const run = statement.run.bind(statement) as () => ReturnType<typeof statement.run>
    statement.run = () => {
      pass('before commit')
      const result = run()
      pass('after commit')
      return result
    }
    return statement
  }
}

/** Only the landing calls these so. */
const landing: Readonly<Record<string, string>> = { 'update-ref': 'refs/heads/main', 'read-tree': '-m -u' }

/** A git that kills whoever called it at `git before <command>` or `git after <command>`; undefined for any other point. */
export function deadlyGit(place: string, kill: Kill | undefined): string | undefined {
  const [, when, command] = /^git (before|after) (\S+)$/.exec(kill?.point ?? '') ?? []
  if (kill === undefined || command === undefined) return undefined
  const path = join(place, 'git')
  const calls = join(place, 'calls')
  const wanted = `case " $* " in *" ${command} "*"${landing[command] ?? ''} "*) true;; *) false;; esac`
  const dies = when === 'before' ? 'kill -9 $PPID; exit 1' : 'git "$@"; kill -9 $PPID; exit'
  rmSync(calls, { force: true })
  writeFileSync(
    path,
    `#!/bin/sh
if ${wanted}; then
  echo >> ${calls}
  if [ "$(wc -l < ${calls})" -eq ${kill.pass} ]; then ${dies}; fi
fi
exec git "$@"
`,
  )
  chmodSync(path, 0o755)
  return path
}
