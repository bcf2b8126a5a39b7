/** Parses a command line with yargs, and says in one line what is wrong with it. */
import yargs, { type Argv } from 'yargs'
import type { CommandModule, Globals } from './command.ts'
import { COMMAND_NAMES, COMMANDS, type CommandName, isCommand } from './command-table.ts'
import { usageError } from './usage-complaints.ts'
import { UsageError } from './usage-error.ts'

export const PARSER = {
  'camel-case-expansion': false, // one spelling of each flag, also in what is reported
  'parse-positional-numbers': false, // a prompt of digits is a text
  'greedy-arrays': false, // `--label a fix this` is one label and a prompt
  'populate--': true,
} as const

/** Called with the command that was chosen. */
export type Run = (command: CommandModule, args: Globals) => Promise<void>

export interface ParserOptions {
  readonly version: string
  readonly columns: number
  readonly run: Run
}

type Loaded = ReadonlyMap<CommandName, CommandModule>

/** Commands whose name is among the words are loaded now: completion needs their flags at once. */
async function preload(argv: readonly string[]): Promise<Loaded> {
  const names = argv.filter(isCommand)
  const modules = await Promise.all(names.map((name) => COMMANDS[name].load()))
  return new Map(modules.map((module, index) => [names[index] ?? 'ps', module]))
}

export function globalFlags(parser: Argv): Argv<Globals> {
  return parser
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'Output for programs: one JSON document, or one record a line for streams',
    })
    .option('dir', {
      type: 'string',
      requiresArg: true,
      describe: 'Directory of sockets and state, in place of the usual ones [AGENTMQ_DIR]',
    })
    .option('endpoint', {
      type: 'string',
      requiresArg: true,
      describe: 'Endpoint of the broker: ipc://… or tcp://… [AGENTMQ_ENDPOINT]',
    })
    .option('context', {
      type: 'string',
      requiresArg: true,
      describe: 'A place of the section "contexts" of the config file [AGENTMQ_CONTEXT]',
    })
    .option('config', {
      type: 'string',
      requiresArg: true,
      describe: 'Config file (JSON) [AGENTMQ_CONFIG]',
    })
    .option('broker-key', {
      type: 'string',
      requiresArg: true,
      describe: 'Public key of a broker of another machine [AGENTMQ_BROKER_KEY]',
    })
    .option('key-file', {
      type: 'string',
      requiresArg: true,
      describe: 'Own key pair for it, made when it is missing [AGENTMQ_KEY_FILE]',
    })
    .option('foreign-socket', {
      type: 'boolean',
      describe:
        'Believe a broker here whose socket belongs to another user [AGENTMQ_FOREIGN_SOCKET]',
    })
    .option('debug', {
      type: 'boolean',
      default: false,
      describe: 'Show the stack of errors [AGENTMQ_DEBUG]',
    })
}

const MAX_HELP_WIDTH = 100

/** A parser for one command line. */
export class CommandLine {
  readonly parser: Argv<Globals>
  readonly #argv: readonly string[]
  readonly #run: Run
  /** The flags of the chosen command; yargs forgets them when it has parsed. */
  #flags: KnownFlags

  private constructor(argv: readonly string[], options: ParserOptions, loaded: Loaded) {
    const bare = yargs([])
      .scriptName('agentmq')
      .locale('en')
      .updateStrings({ 'Options:': 'Global:' }) // what belongs to no command
      .parserConfiguration(PARSER)
    this.parser = globalFlags(bare)
    this.#argv = argv
    this.#run = options.run
    this.#flags = knownFlags(this.parser)
    for (const name of COMMAND_NAMES) this.#add(name, loaded.get(name))
    this.parser
      .usage('$0 <command>: run coding agents anywhere and talk to them from anywhere')
      .epilogue('`agentmq <command> --help` shows examples.  `agentmq up` starts everything.')
      .completion('completion', 'Print a script for completion in bash or zsh')
      .version(options.version)
      .wrap(Math.min(options.columns, MAX_HELP_WIDTH))
      .strict()
      .exitProcess(false)
      .fail(false)
  }

  /** Loads the chosen command and no other. */
  static async read(argv: readonly string[], options: ParserOptions): Promise<CommandLine> {
    return new CommandLine(argv, options, await preload(argv))
  }

  async help(): Promise<string> {
    return tidy(await this.parser.getHelp())
  }

  /** Parses, runs the command; resolves with what yargs itself has to print. Throws UsageError. */
  async parse(): Promise<string> {
    let printed = ''
    const args = withStdin(this.#argv)
    try {
      await this.parser.parseAsync(args, {}, (_error, _argv, text) => {
        printed = tidy(text)
      })
    } catch (thrown) {
      if (thrown instanceof UsageError) throw thrown
      const complaint = thrown instanceof Error ? thrown.message : String(thrown)
      throw usageError(complaint, this.#argv, Object.keys(this.#flags.key))
    }
    return printed
  }

  #add(name: CommandName, loaded: CommandModule | undefined): void {
    const { usage, describe, examples, load } = COMMANDS[name]
    const build = (yargs: Argv<Globals>, module: CommandModule) => {
      for (const [command, what] of examples) yargs.example(command, what)
      const before = Object.keys(knownFlags(yargs).key)
      const built = module.builder(yargs)
      this.#flags = knownFlags(built)
      const own = Object.keys(this.#flags.key).filter((key) => !before.includes(key))
      return built.group(
        own.filter((key) => !usage.includes(`<${key}`) && !usage.includes(`[${key}`)),
        'Options:',
      )
    }
    this.parser.command({
      command: usage,
      describe,
      builder: loaded
        ? (yargs: Argv<Globals>) => build(yargs, loaded)
        : async (yargs: Argv<Globals>) => build(yargs, await load()),
      handler: async (args: Globals) => {
        checkValues(args, this.#flags)
        await this.#run(loaded ?? (await load()), args)
      },
    })
  }
}

/** A lone dash is the text on stdin, or the file of the flag before it; yargs would drop it. */
function withStdin(argv: readonly string[]): string[] {
  return argv.flatMap((word, index) => {
    if (word === FILE_FLAG && argv[index + 1] === '-') return [`${FILE_FLAG}=-`]
    if (word !== '-') return [word]
    return argv[index - 1] === FILE_FLAG ? [] : ['--stdin']
  })
}

const FILE_FLAG = '--from'

/** Positionals of many words have no other default than none. */
function tidy(help: string): string {
  return help.replace(/ ?\[default: \[\]\]/g, '')
}

/** yargs keeps these for itself; its types do not tell. */
interface KnownFlags {
  readonly key: Readonly<Record<string, unknown>>
  readonly number: readonly string[]
  readonly array: readonly string[]
}

function knownFlags(parser: Argv<Globals>): KnownFlags {
  const { key, number, array } = (parser as unknown as { getOptions(): KnownFlags }).getOptions()
  return { key: { ...key }, number: [...number], array: [...array] }
}

/** What yargs lets pass: a number that is none, a flag that is given twice. */
function checkValues(args: object, { key, number, array }: KnownFlags): void {
  for (const [name, value] of Object.entries(args)) {
    if (!Object.hasOwn(key, name)) continue
    if (number.includes(name) && Number.isNaN(value)) {
      throw new UsageError(`--${name} needs a number`)
    }
    if (Array.isArray(value) && !array.includes(name)) {
      throw new UsageError(`--${name} is given ${value.length} times; once is enough`)
    }
  }
}
