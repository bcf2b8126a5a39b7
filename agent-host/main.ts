/** `agentmq host`: flags, environment and file -> config -> AgentHost; signals -> drain -> exit code. */
import type { Environment } from '../protocol/endpoints.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { readSources } from '../protocol/process/command-line.ts'
import { endAsked, explain, logger, tellReady } from '../protocol/process/life.ts'
import { peerKeyPath } from '../protocol/process/peer-keys.ts'
import { secretsOf } from '../protocol/process/redaction.ts'
import { secretValues } from '../protocol/secret-settings.ts'
import { flagsOf } from '../protocol/settings.ts'
import { type HostConfig, HostSettings, hostConfig, keyName } from './config.ts'
import { AgentHost } from './host.ts'
import { Teller } from './teller.ts'

const PROGRAM = {
  name: 'agentmq host',
  purpose: 'Runs agents on this machine for a broker.',
  examples: [['$0 --label gpu --slots 4', 'offer four slots under a label']],
  flags: flagsOf(HostSettings),
} as const

/** Runs a host until it is told to end. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(argv, process.env)
    return config ? await run(config) : 0
  } catch (thrown) {
    return explain(PROGRAM.name, ProtocolError.from(thrown, 'host'))
  }
}

/** Undefined when only help was asked for. Throws BAD_CONFIG. */
async function readConfig(
  argv: readonly string[],
  env: Environment,
): Promise<HostConfig | undefined> {
  const sources = await readSources('host', argv, PROGRAM, env)
  return sources && hostConfig(sources)
}

async function run(config: HostConfig): Promise<number> {
  const log = logger('host', config, [
    ...secretValues(HostSettings, config),
    ...secretsOf(process.env),
  ])
  const teller = new Teller(config)
  let refuse: (error: ProtocolError) => void = () => {}
  const refused = new Promise<ProtocolError>((resolve) => {
    refuse = resolve
  })
  let isReady = false
  const host = new AgentHost(config, process.env, log, (notice) => {
    teller.tell(notice)
    if (notice.type === 'refused') refuse(notice.error)
    else if (notice.type === 'registered' && !isReady) {
      isReady = true // later registrations tell nothing new, and nobody may be reading any more
      tellReady(config, { host: host.id, backends: notice.backends })
    }
  })
  const asked = endAsked(config)
  await host.start()
  const end = await Promise.race([asked, refused])
  log.info({ reason: end instanceof ProtocolError ? end.code : end }, 'host ending')
  await host.drain()
  log.info('host ended')
  if (!(end instanceof ProtocolError)) return 0
  const exitCode = explain(PROGRAM.name, end)
  if (end.code === 'KEY_REVOKED') process.stderr.write(`  → the key is in ${keyPath(config)}\n`)
  return exitCode
}

function keyPath({ access: settings, places, name }: HostConfig): string {
  return peerKeyPath({ settings, places, name: keyName(name) })
}
