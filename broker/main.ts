/** `agentmq broker`: flags, environment and file -> config -> Broker; signals -> drain -> exit code. */
import { writeSync } from 'node:fs'
import pino, { type Logger } from 'pino'
import type { Environment } from '../protocol/endpoints.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { flagsOf } from '../protocol/settings.ts'
import { Broker } from './broker.ts'
import {
  CONFIG_FLAG,
  configFile,
  EXIT_FAILED,
  exitCodeOf,
  type Program,
  readCommandLine,
} from './command-line.ts'
import { type BrokerConfig, BrokerSettings, brokerConfig } from './config.ts'

const PROGRAM: Program = {
  name: 'agentmq broker',
  purpose: 'Routes every request, keeps the journal, streams to readers.',
  examples: [['$0', 'listen on the ipc sockets of this user']],
  flags: { config: CONFIG_FLAG, ...flagsOf(BrokerSettings) },
}

/** Runs a broker until it is told to end. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(argv, process.env)
    return config ? await run(config) : 0
  } catch (thrown) {
    const error = ProtocolError.from(thrown, 'broker')
    process.stderr.write(`agentmq broker: ${error.message}\n  → ${error.advice}\n`)
    return exitCodeOf(error)
  }
}

/** Undefined when only help was asked for. Throws BAD_CONFIG. */
async function readConfig(
  argv: readonly string[],
  env: Environment,
): Promise<BrokerConfig | undefined> {
  const given = await readCommandLine(argv, PROGRAM)
  if (given === undefined) return undefined
  const { flags } = given
  return brokerConfig({ flags, env, ...configFile(flags['config'] ?? env['AGENTMQ_CONFIG'], env) })
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
