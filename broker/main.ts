/** `agentmq broker`: flags, environment and file -> config -> Broker; signals -> drain -> exit code. */
import type { Environment } from '../protocol/endpoints.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { EXIT_FAILED, readSources } from '../protocol/process/command-line.ts'
import { endAsked, explain, logger, tellReady } from '../protocol/process/life.ts'
import { secretsOf } from '../protocol/process/redaction.ts'
import { secretValues } from '../protocol/secret-settings.ts'
import { flagsOf } from '../protocol/settings.ts'
import { Broker } from './broker.ts'
import { type BrokerConfig, BrokerSettings, brokerConfig } from './config.ts'

const PROGRAM = {
  name: 'agentmq broker',
  purpose: 'Routes every request, keeps the journal, streams to readers.',
  examples: [['$0', 'listen on the ipc sockets of this user']],
  flags: flagsOf(BrokerSettings),
} as const

/** Runs a broker until it is told to end. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(argv, process.env)
    return config ? await run(config) : 0
  } catch (thrown) {
    return explain(PROGRAM.name, ProtocolError.from(thrown, 'broker'))
  }
}

/** Undefined when only help was asked for. Throws BAD_CONFIG. */
async function readConfig(
  argv: readonly string[],
  env: Environment,
): Promise<BrokerConfig | undefined> {
  const sources = await readSources('broker', argv, PROGRAM, env)
  return sources && brokerConfig(sources)
}

async function run(config: BrokerConfig): Promise<number> {
  const log = logger('broker', config, [
    ...secretValues(BrokerSettings, config),
    ...secretsOf(process.env),
  ])
  const broker = new Broker(config, log)
  const asked = endAsked(config)
  await broker.start()
  const { endpoint, streams } = broker.endpoints
  log.info({ endpoint, streams, journal: config.journalDir }, 'broker ready')
  const { door } = broker
  if (door) log.info({ listen: door.endpoint, fingerprint: door.fingerprint }, 'network open')
  tellReady(config, { endpoint, streams, ...(door && { door }) })
  log.info({ reason: await Promise.race([asked, broker.failed]) }, 'broker ending')
  await broker.drain()
  log.info('broker ended')
  return broker.hasFailed ? EXIT_FAILED : 0
}
