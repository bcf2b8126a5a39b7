/** `agentmq host`: flags, environment and file -> config -> AgentHost; signals -> drain -> exit code. */
import { existsSync, readFileSync, writeSync } from 'node:fs'
import pino, { type Logger } from 'pino'
import yargs from 'yargs'
import { configSection, defaultConfigPath } from '../protocol/config-file.ts'
import type { Environment } from '../protocol/endpoints.ts'
import { type ErrorCode, ProtocolError } from '../protocol/errors.ts'
import { type Flag, flagsOf, rejectUnknown } from '../protocol/settings.ts'
import { type HostConfig, HostSettings, hostConfig } from './config.ts'
import { AgentHost, type HostNotice } from './host.ts'

/** Exit codes of a part; 0 = ended as asked. docs/cli.md lists them. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  BAD_CONFIG: 2,
  IN_USE: 5,
  UNAUTHENTICATED: 7,
  FORBIDDEN: 7,
}
const EXIT_FAILED = 1

const CONFIG_FLAG: Flag = {
  type: 'string',
  array: false,
  describe: 'Config file, its section "host" [AGENTMQ_CONFIG]',
}

/** Runs a host until it is told to end. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(argv, process.env)
    return config ? await run(config) : 0
  } catch (thrown) {
    return explain(ProtocolError.from(thrown, 'host'))
  }
}

function explain(error: ProtocolError): number {
  process.stderr.write(`agentmq host: ${error.message}\n  → ${error.advice}\n`)
  return EXIT_CODES[error.code] ?? EXIT_FAILED
}

/** Undefined when only help was asked for. Throws BAD_CONFIG. */
async function readConfig(
  argv: readonly string[],
  env: Environment,
): Promise<HostConfig | undefined> {
  const known: Record<string, Flag> = { config: CONFIG_FLAG, ...flagsOf(HostSettings) }
  const flags = await readFlags(argv, known)
  if (flags === undefined) return undefined
  rejectUnknown(Object.keys(flags).map(asTyped), Object.keys(known).map(asTyped), 'flags')
  return hostConfig({ flags, env, ...configFile(flags['config'] ?? env['AGENTMQ_CONFIG'], env) })
}

/** The flags that were given, unknown ones as well; undefined when help was asked for and printed. */
async function readFlags(
  argv: readonly string[],
  known: Readonly<Record<string, Flag>>,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  let isHelp = false
  const parser = yargs()
    .scriptName('agentmq host')
    .usage('$0 [options]\n\nRuns agents on this machine for a broker.')
    .example('$0 --label gpu --slots 4', 'offer four slots under a label')
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
    return { file: configSection(readFileSync(fileName, 'utf8'), 'host', fileName), fileName }
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('BAD_CONFIG', { source: '--config', reason }, { cause })
  }
}

function logger({ log_level, log_file }: HostConfig): Logger {
  const destination = pino.destination({ dest: log_file ?? 2, sync: true, mkdir: true })
  return pino({ level: log_level, base: { part: 'host', pid: process.pid } }, destination)
}

async function run(config: HostConfig): Promise<number> {
  const log = logger(config)
  let refuse: (error: ProtocolError) => void = () => {}
  const refused = new Promise<ProtocolError>((resolve) => {
    refuse = resolve
  })
  let isReady = false
  const host = new AgentHost(config, process.env, log, (notice) => {
    if (notice.type === 'refused') refuse(notice.error)
    else if (notice.type === 'away') tellAway(config, notice)
    else if (!isReady) {
      isReady = true // later registrations tell nothing new, and nobody may be reading any more
      tellReady(config, host, notice)
    }
  })
  const asked = endAsked(config)
  await host.start()
  const end = await Promise.race([asked, refused])
  log.info({ reason: end instanceof ProtocolError ? end.code : end }, 'host ending')
  await host.drain()
  log.info('host ended')
  return end instanceof ProtocolError ? explain(end) : 0
}

type NoticeOf<T extends HostNotice['type']> = Extract<HostNotice, { type: T }>

/** Says what a person at the terminal should know; the log has it as well. */
function tellAway({ places }: HostConfig, { reason }: NoticeOf<'away'>): void {
  process.stderr.write(`agentmq host: no broker at ${places.endpoint} (${reason}); trying again\n`)
}

function tellReady(
  { ready_fd }: HostConfig,
  { id }: AgentHost,
  { backends }: NoticeOf<'registered'>,
): void {
  if (ready_fd === undefined) return
  const line = JSON.stringify({ ready: true, host: id, pid: process.pid, backends })
  writeSync(ready_fd, `${line}\n`)
}

/** Resolves with the reason why the host should end. */
function endAsked({ exit_with_parent }: HostConfig): Promise<string> {
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
