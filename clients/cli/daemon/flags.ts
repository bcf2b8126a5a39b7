/** The command line of `descartes-daemon`, as the programs that start it by themselves write it. */
import yargs from 'yargs'
import { UsageError } from '../usage-error.ts'

export interface DaemonFlags {
  readonly config: string | undefined
  readonly httpPort: number | undefined
  readonly wsPort: number | undefined
  readonly pubPort: number | undefined
  readonly enableAuth: boolean
  readonly jwtSecret: string | undefined
  readonly logLevel: string | undefined
  readonly verbose: boolean
}

const MAX_PORT = 65_535

/** Throws UsageError. A string is the answer to --help or --version. */
export async function readDaemonFlags(
  argv: readonly string[],
  version: string,
): Promise<DaemonFlags | string> {
  let answer = ''
  const args = await parser(version).parse([...argv], {}, (_error, _argv, output) => {
    answer = output
  })
  if (answer !== '') return answer
  return {
    config: args.config,
    httpPort: port('http-port', args['http-port']),
    wsPort: port('ws-port', args['ws-port']),
    pubPort: port('pub-port', args['pub-port']),
    enableAuth: args['enable-auth'],
    jwtSecret: args['jwt-secret'],
    logLevel: args['log-level'],
    verbose: args.verbose,
  }
}

function parser(version: string) {
  return yargs()
    .scriptName('descartes-daemon')
    .usage('$0 [options]\n\nRuns agentmq under the name and the flags of the old daemon.')
    .option('config', {
      alias: 'c',
      type: 'string',
      requiresArg: true,
      describe: 'TOML file with the sections server, auth, pool and logging',
    })
    .option('http-port', portFlag('HTTP JSON-RPC, default 19280'))
    .option('ws-port', { ...portFlag('WebSocket events, default 19380'), alias: 'w' })
    .option('pub-port', portFlag('chat streams on ZeroMQ PUB, default 19480'))
    .option('enable-auth', {
      type: 'boolean',
      default: false,
      describe: 'Ask HTTP callers who they are',
    })
    .option('jwt-secret', {
      type: 'string',
      requiresArg: true,
      describe: 'Secret of HS256 tokens; needed with --enable-auth',
    })
    .option('log-level', {
      alias: 'l',
      type: 'string',
      requiresArg: true,
      describe: 'Least severe level that is logged, default info',
    })
    .option('verbose', { alias: 'v', type: 'boolean', default: false, describe: 'Log level debug' })
    .example('$0 --http-port 19280 --ws-port 19380', '')
    .example('$0 -c daemon.toml', '')
    .parserConfiguration({ 'camel-case-expansion': false, 'dot-notation': false })
    .strict()
    .alias('help', 'h')
    .version('version', `descartes-daemon (agentmq ${version})`)
    .alias('version', 'V')
    .locale('en')
    .exitProcess(false)
    .fail((message, error) => {
      throw new UsageError(message ?? error.message)
    })
}

function portFlag(what: string) {
  return { type: 'number', requiresArg: true, describe: `Port of ${what}` } as const
}

function port(flag: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined
  if (Number.isInteger(value) && value >= 0 && value <= MAX_PORT) return value
  throw new UsageError(`--${flag} must be a port, 0 to ${MAX_PORT}`)
}
