/** `agentmq broker`: flags, environment and file -> config -> Broker; signals -> drain -> exit code. */
import { existsSync, readFileSync, writeSync } from 'node:fs'
import pino, { type Logger } from 'pino'
import yargs from 'yargs'
import { configSection, defaultConfigPath } from '../protocol/config-file.ts'
import type { Environment } from '../protocol/endpoints.ts'
import { type ErrorCode, ProtocolError } from '../protocol/errors.ts'
import { type Flag, flagsOf, rejectUnknown } from '../protocol/settings.ts'
import { Broker } from './broker.ts'
import { type BrokerConfig, BrokerSettings, brokerConfig } from './config.ts'

/** Exit codes of a part; 0 = ended as asked. docs/cli.md lists them. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = { BAD_CONFIG: 2, IN_USE: 5 }
const EXIT_FAILED = 1

const CONFIG_FLAG: Flag = {
  type: 'string',
  array: false,
  describe: 'Config file, its section "broker" [AGENTMQ_CONFIG]',
}

/** Runs a broker until it is told to end. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(argv, process.env)
    return config ? await run(config) : 0
  } catch (thrown) {
    const error = ProtocolError.from(thrown, 'broker')
    process.stderr.write(`agentmq broker: ${error.message}\n  → ${error.advice}\n`)
    return EXIT_CODES[error.code] ?? EXIT_FAILED
  }
}

/** Undefined when only help was asked for. Throws BAD_CONFIG. */
async function readConfig(
  argv: readonly string[],
  env: Environment,
): Promise<BrokerConfig | undefined> {
  const known: Record<string, Flag> = { config: CONFIG_FLAG, ...flagsOf(BrokerSettings) }
  const flags = await readFlags(argv, known)
  if (flags === undefined) return undefined
  rejectUnknown(Object.keys(flags).map(asTyped), Object.keys(known).map(asTyped), 'flags')
  return brokerConfig({ flags, env, ...configFile(flags['config'] ?? env['AGENTMQ_CONFIG'], env) })
}

/** The flags that were given, unknown ones as well; undefined when help was asked for and printed. */
async function readFlags(
  argv: readonly string[],
  known: Readonly<Record<string, Flag>>,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  let isHelp = false
  const parser = yargs()
    .scriptName('agentmq broker')
    .usage('$0 [options]\n\nRoutes every request, keeps the journal, streams to readers.')
    .example('$0', 'listen on the ipc sockets of this user')
    .options(known)
    .requiresArg(Object.keys(known).filter((name) => known[name]?.type !== 'boolean'))
    .parserConfiguration({ 'camel-case-expansion': false, 'dot-notation': false })
    .version(false)
    .exitProcess(false)
    .fail((message, error) => refuseFlags(message ?? String(error)))
  const {
    _: words,
    $0: _name,
    ...flags
  } = await parser.parse([...argv], {}, (_error, _argv, output) => {
    if (output === '') return
    isHelp = true
    process.stdout.write(`${output}\n`)
  })
  if (isHelp) return undefined
  const [word] = words
  if (word !== undefined) refuseFlags(`${word} is not a flag`)
  const [wrong] = Object.keys(flags).filter((name) => Number.isNaN(flags[name]))
  if (wrong !== undefined) refuseFlags(`--${wrong} must be a number`)
  return flags
}

function asTyped(flag: string): string {
  return flag.length === 1 ? `-${flag}` : `--${flag}`
}

function refuseFlags(reason: string): never {
  throw new ProtocolError('BAD_CONFIG', { source: 'flags', reason })
}

function configFile(named: unknown, env: Environment): { file?: unknown; fileName?: string } {
  const fileName = typeof named === 'string' ? named : defaultConfigPath(env)
  if (fileName === undefined || (named === undefined && !existsSync(fileName))) return {}
  try {
    return { file: configSection(readFileSync(fileName, 'utf8'), 'broker', fileName), fileName }
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('BAD_CONFIG', { source: '--config', reason }, { cause })
  }
}

function logger({ log_level, log_file }: BrokerConfig): Logger {
  const destination = pino.destination({ dest: log_file ?? 2, sync: true, mkdir: true })
  return pino({ level: log_level, base: { part: 'broker', pid: process.pid } }, destination)
}

async function run(config: BrokerConfig): Promise<number> {
  const log = logger(config)
  const broker = new Broker(config, log)
  const asked = endAsked(config)
  await broker.start()
  const { endpoint, streams } = broker.endpoints
  log.info({ endpoint, streams, journal: config.journalDir }, 'broker ready')
  if (config.ready_fd !== undefined) {
    writeSync(
      config.ready_fd,
      `${JSON.stringify({ ready: true, endpoint, streams, pid: process.pid })}\n`,
    )
  }
  log.info({ reason: await Promise.race([asked, broker.failed]) }, 'broker ending')
  await broker.drain()
  log.info('broker ended')
  return broker.hasFailed ? EXIT_FAILED : 0
}

/** Resolves with the reason why the broker should end. */
function endAsked({ exit_with_parent }: BrokerConfig): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(signal))
    }
    if (!exit_with_parent) return
    process.stdin.on('end', () => resolve('the parent has ended'))
    process.stdin.on('error', () => resolve('the parent has ended'))
    process.stdin.resume()
  })
}
