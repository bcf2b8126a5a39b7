/** What the old flags and the old config file mean for the parts. Flags win over the file. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { DaemonFlags } from './flags.ts'
import type { DaemonConfig } from './toml-config.ts'

export interface PartSettings {
  /** Flags of the shim. */
  readonly shim: readonly string[]
  /** What other users of this machine must not see in the list of processes. */
  readonly secrets: Readonly<Record<string, string>>
  readonly logLevel: string | undefined
  readonly logFile: string | undefined
  readonly isQuiet: boolean
  /** What was understood otherwise than it was written. */
  readonly notes: readonly string[]
}

/** The secret that the old daemon was shipped with. */
const WELL_KNOWN_SECRET = 'default-secret-change-in-production'

/** Throws BAD_CONFIG. */
export function partSettings(flags: DaemonFlags, config: DaemonConfig): PartSettings {
  const { logging } = config
  const pub = pubAddress(config)
  return {
    shim: [...doorFlags(flags, config), ...flag('pub-host', pub.address)],
    secrets: secretsOf(flags, config),
    logLevel: flags.logLevel ?? (flags.verbose ? 'debug' : logging.level?.toLowerCase()),
    logFile: logging.file,
    isQuiet: logging.stdout === false,
    notes: pub.notes,
  }
}

function doorFlags(flags: DaemonFlags, { server, auth }: DaemonConfig): string[] {
  const timeoutMs = server.request_timeout_secs && server.request_timeout_secs * 1000
  return [
    ...flag('http-host', server.http_addr),
    ...flag('http-port', flags.httpPort ?? server.http_port),
    ...flag('ws-host', server.ws_addr),
    ...flag('ws-port', flags.wsPort ?? server.ws_port),
    ...flag('pub-port', flags.pubPort ?? server.pub_port),
    ...flag('http-request-ms', timeoutMs),
    ...flag('http-connections', server.max_connections),
    ...flag('metrics-port', server.metrics_port),
    ...(server.enable_metrics === false ? ['--no-metrics'] : []),
    ...(isAsking(flags, auth) ? ['--enable-auth'] : []),
  ]
}

function isAsking(flags: DaemonFlags, auth: DaemonConfig['auth']): boolean {
  return flags.enableAuth || auth.enabled === true
}

/** The old daemon had a secret by default, which everybody knows: it opens nothing here. */
function secretsOf(flags: DaemonFlags, { auth }: DaemonConfig): Record<string, string> {
  if (!isAsking(flags, auth)) return {}
  const secret = flags.jwtSecret ?? auth.jwt_secret
  const refuse = (reason: string): never => {
    throw new ProtocolError('BAD_CONFIG', { source: '--jwt-secret', reason }, { where: 'cli' })
  }
  if (secret === WELL_KNOWN_SECRET) refuse('everybody knows this one; choose another')
  if (secret === undefined && auth.api_key === undefined) refuse('--enable-auth needs one')
  return {
    ...(secret !== undefined && { AGENTMQ_JWT_SECRET: secret }),
    ...(auth.api_key !== undefined && { AGENTMQ_API_KEY: auth.api_key }),
  }
}

/**
 * The old daemon published to every network by default, and its files say so too, whether anybody wanted
 * it or not. That is not saying it in so many words.
 */
function pubAddress({ server: { pub_addr } }: DaemonConfig) {
  if (pub_addr !== '0.0.0.0') return { address: pub_addr, notes: [] }
  const note = 'pub_addr 0.0.0.0: PUB asks nobody who they are, so it listens on 127.0.0.1 only'
  return { address: '127.0.0.1', notes: [note] }
}

function flag(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`--${name}`, String(value)]
}
