import { Command, CommanderError, Option } from 'commander'
import { CodebandError, didYouMean, diskError } from '../../core/errors.ts'
import { version } from '../../core/version.ts'
import { host } from '../host.ts'
import { type ExitCode, exitCodeOfError } from './exit.ts'
import { openScreen, type Screen } from './screen.ts'

/** What every command gets. */
export interface Cli {
  readonly screen: Screen
  readonly cwd: string
}

/** Parsed by commander; each command takes what it declares. */
type Options = {
  json?: boolean
  cwd?: string
  role?: string
  script?: string
  wait?: boolean
  yes?: boolean
  task?: string
  violations?: boolean
  graph?: boolean
  worktree?: string
  stdin?: boolean
  example?: string
  types?: boolean
  roles?: string
  recorded?: boolean
  live?: boolean
}
type Run = (cli: Cli, positionals: readonly (string | undefined)[], options: Options) => Promise<ExitCode>

/** Runs the command line; gives the exit code. Never throws. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let exit: ExitCode = 0
  const json = argv.includes('--json')
  const program = new Command('codeband')
    .description(
      'A band of coding agents on your git repository: one model family produces, the opposite family reviews.',
    )
    .version(version, '-V, --version')
    .option('--cwd <folder>', 'work on the repository there')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .showSuggestionAfterError(false)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 task failed, 2 usage or configuration, 3 waits for a person, 4 boundary violation, 5 budget, 6 infrastructure, 130 interrupted.',
    )

  function command(usage: string, description: string, load: () => Promise<Run>): Command {
    return program
      .command(usage)
      .description(description)
      .option('--json', 'JSON on stdout, for programs')
      .action(async (...given: unknown[]) => {
        const self = given.at(-1) as Command
        const options = self.optsWithGlobals() as Options
        const cli: Cli = {
          screen: openScreen({ json: options.json === true, env: host().env }),
          cwd: options.cwd ?? process.cwd(),
        }
        exit = await (await load())(cli, given.slice(0, -2) as (string | undefined)[], options)
      })
  }

  command(
    'init',
    'Write .agents/ and codeband.config.ts for this repository',
    async () => (await import('./commands/init.ts')).init,
  ).option('--example <name>', 'also write the roles of an example: committer or jira')
  command(
    'demo',
    'Run the scripted band on a sample repository; needs no key',
    async () => (await import('./commands/demo.ts')).demo,
  )
  command(
    'run [task]',
    'Do a task, unfinished ones first; without a task, wait for tasks',
    async () => (await import('./commands/run.ts')).run,
  )
    .option('--role <role>', 'play one role in a throw-away worktree; the argument is its input')
    .option('--script <file>', 'with --role: let this script play it instead of a model')
    .addOption(new Option('--no-wait', 'park instead of waiting when a person must decide'))
  command(
    'task <text>',
    'Queue a task for the band that runs, or for the next run',
    async () => (await import('./commands/task.ts')).task,
  )
  command(
    'roles',
    'List the roles and every problem in their definitions',
    async () => async (cli, positionals, options) => {
      if (options.types) return (await import('./commands/role-types.ts')).roleTypes(cli)
      const warm = await (await import('./show-roles.ts')).showWarmRoles(cli.cwd, cli.screen, options.graph === true)
      return warm ?? (await import('./commands/roles.ts')).roles(cli, positionals, options)
    },
  )
    .option('--types', 'write the types of the roles and tools for editors')
    .option('--graph', 'who may spawn and review whom: a tree on a terminal, else Mermaid')
  command(
    'can [role] [tool] [input]',
    'Explain what the gate would say to a call; the input is JSON',
    async () => (await import('./commands/can.ts')).can,
  )
    .option('--worktree <folder>', 'decide against the files there; default: the repository as it is checked out')
    .option('--stdin', 'decide many: lines { id, role, tool, input } on stdin, an answer a line')
  command(
    'trust',
    'Trust the roles and the configuration as they are now',
    async () => (await import('./commands/trust.ts')).trust,
  ).option('--yes', 'without asking')
  command('status', 'Show the tasks', async () => (await import('./commands/status.ts')).status)
  command('log', 'Show what happened', async () => (await import('./commands/log.ts')).log)
    .option('--task <task>', 'only this task')
    .option('--violations', 'only what was refused at the boundary')
    .option('--export [file]', 'every event that can still be read, of a damaged log too, as JSON lines')
  command('diff <worker>', 'Show the last change of a worker', async () => (await import('./commands/diff.ts')).diff)
  command('pending', 'Show what waits for a person', async () => (await import('./commands/pending.ts')).pending)
  command(
    'approve <id>',
    'Approve exactly what was asked',
    async () => (await import('./commands/approvals.ts')).approve,
  )
  command(
    'reject <id> <why>',
    'Refuse it; the reason goes back to the author',
    async () => (await import('./commands/approvals.ts')).reject,
  )
  command(
    'cancel <task> [why]',
    'End a task; what is half done is wound down first',
    async () => (await import('./commands/cancel.ts')).cancel,
  )
  command('resume [task]', 'Go on with what has not ended', async () => (await import('./commands/resume.ts')).resume)
  command(
    'replay <task>',
    'Play the journal of a task again, with the definitions as they are now',
    async () => (await import('./commands/replay.ts')).replay,
  )
    .option('--roles <folder>', 'with the role files of this folder in the place of .agents')
    .option('--recorded', 'with the definitions that the task began with')
    .option('--live', 'go on from the first difference with the real frameworks, on a fork that lands nowhere')
  command(
    'doctor',
    'Check this machine, this repository and its band',
    async () => (await import('./commands/doctor.ts')).doctor,
  )

  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv, { from: 'user' })
    return exit
  } catch (error) {
    return report(error, argv, openScreen({ json, env: host().env }), program)
  }
}

function report(error: unknown, argv: readonly string[], screen: Screen, program: Command): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    screen.error('CB_USAGE', misused(error, argv, program))
    return 2
  }
  const known = CodebandError.is(error) ? error : diskError(error)
  if (known) screen.error(known.code, known.message)
  else screen.error('CB_INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error))
  return exitCodeOfError(known ?? error)
}

/** What is wrong with a command line, what was probably meant, and how that command is written. */
function misused({ code, message }: CommanderError, argv: readonly string[], program: Command): string {
  const commands = program.commands.map((one) => one.name())
  const unknown = code === 'commander.help' ? argv.at(-1) : /unknown command '(.+?)'/.exec(message)?.[1]
  if (unknown !== undefined)
    return `unknown command '${unknown}'.${didYouMean(unknown, commands)} \`codeband --help\` lists the commands.`
  const self = program.commands.find((one) => argv.includes(one.name()))
  const options = [...(self?.options ?? []), ...program.options].flatMap(({ long }) => long ?? [])
  const option = /unknown option '(.+?)'/.exec(message)?.[1]
  const hint =
    option !== undefined
      ? options.includes(option)
        ? ' It goes behind the command.'
        : didYouMean(option, options)
      : code === 'commander.excessArguments'
        ? ' A text of several words goes into quotes.'
        : ''
  const said = message.replace(/^error: /, '').replace(/\.?(\n[\s\S]*)?$/, '')
  const usage = self ? `Usage: codeband ${self.name()} ${self.usage()}` : '`codeband --help` lists the commands.'
  return `${said}.${hint} ${usage}`
}
