/** The config file of the old daemon. Every field may be left out; one that nobody knows is named. */
import { parse } from 'smol-toml'
import { ProtocolError } from '../../../protocol/errors.ts'
import { mismatch } from '../../../protocol/schema.ts'
import { rejectUnknown } from '../../../protocol/settings.ts'
import { type Static, type TProperties, Type } from '../../../protocol/typebox.ts'

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 4096 }))
const port = Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 }))
const count = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
const positive = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 }))
const flag = Type.Optional(Type.Boolean())

const SECTIONS = {
  server: {
    http_addr: text,
    http_port: port,
    ws_addr: text,
    ws_port: port,
    pub_addr: text,
    pub_port: port,
    request_timeout_secs: positive,
    max_connections: positive,
    enable_metrics: flag,
    metrics_port: port,
  },
  auth: { enabled: flag, jwt_secret: text, token_expiry_secs: count, api_key: text },
  /** Nothing here has a pool: read so that an old file is taken as it is. */
  pool: {
    min_size: count,
    max_size: count,
    connection_timeout_secs: count,
    idle_timeout_secs: count,
  },
  logging: { level: text, file: text, stdout: flag, format: text },
} as const satisfies Record<string, TProperties>

type SectionName = keyof typeof SECTIONS
type Section<N extends SectionName> = Static<ReturnType<typeof Type.Object<(typeof SECTIONS)[N]>>>
export type DaemonConfig = { readonly [N in SectionName]: Section<N> }

/** Throws BAD_CONFIG that names the file, the section and the key. */
export function readDaemonConfig(toml: string, fileName: string): DaemonConfig {
  const given = parsed(toml, fileName)
  rejectUnknown(Object.keys(given), Object.keys(SECTIONS), fileName)
  const section = <N extends SectionName>(name: N): Section<N> =>
    checkedSection(name, given[name] ?? {}, `${fileName}: ${name}`)
  return {
    server: section('server'),
    auth: section('auth'),
    pool: section('pool'),
    logging: section('logging'),
  }
}

export const NO_CONFIG: DaemonConfig = { server: {}, auth: {}, pool: {}, logging: {} }

function parsed(toml: string, fileName: string): Record<string, unknown> {
  try {
    return parse(toml)
  } catch (thrown) {
    // Behind the first line come lines of the file, with what they hold. So not as a cause either.
    const [reason = 'it cannot be read'] = String((thrown as Error).message).split('\n')
    const { line } = thrown as { line?: unknown }
    const where = typeof line === 'number' ? `, line ${line}` : ''
    const details = { source: fileName, reason: `${reason}${where}` }
    throw new ProtocolError('BAD_CONFIG', details, { where: 'cli' })
  }
}

function checkedSection<N extends SectionName>(
  name: N,
  value: unknown,
  source: string,
): Section<N> {
  if (typeof value === 'object' && value !== null) {
    rejectUnknown(Object.keys(value), Object.keys(SECTIONS[name]), source)
  }
  const problem = mismatch(Type.Object(SECTIONS[name]), value)
  if (problem === undefined) return value as Section<N>
  throw new ProtocolError('BAD_CONFIG', { source, reason: problem }, { where: 'cli' })
}
