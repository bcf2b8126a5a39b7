/** What of the environment a child gets. Values pass through here and are never put into a message. */
import { ProtocolError } from '../../protocol/errors.ts'
import { absolutePath } from '../programs.ts'
import { HOST_PID_VARIABLE, HOST_VARIABLE, SESSION_VARIABLE } from './markers.ts'
import { isGuarded, matches } from './variable-names.ts'

export type Environment = Readonly<Record<string, string>>

export interface EnvironmentRules {
  readonly hostId: string
  /** Names passed on from the host's own environment besides `BASE_NAMES`; `X_*` means a prefix. */
  readonly passOn: readonly string[]
  /** Names that a request may set; `X_*` means a prefix. */
  readonly settable: readonly string[]
}

/** What a program needs to run at all and to find its user's settings. Nothing secret. */
export const BASE_NAMES: readonly string[] = [
  'PATH',
  'HOME',
  'LANG',
  'LC_*',
  'TERM',
  'TMPDIR',
  'TZ',
  'USER',
  'LOGNAME',
  'SHELL',
  'AGENTMQ_DEMO_*', // settings of the demo agent
]

/** Set by the host alone: whoever could set these could hide a process from it. */
const RESERVED: readonly string[] = [SESSION_VARIABLE, HOST_VARIABLE, HOST_PID_VARIABLE]

/**
 * The base names and `passOn` from `own`, then what the request adds. Throws NOT_ALLOWED for a name
 * that the request may not set, INVALID_PARAMS for one that is no name or a value with a NUL.
 */
export function childEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  requested: Environment,
  rules: EnvironmentRules,
): Environment {
  const env = passedOn(own, [...BASE_NAMES, ...rules.passOn])
  for (const [name, value] of Object.entries(requested)) {
    checkRequested(name, value, rules)
    env[name] = value
  }
  return env
}

function passedOn(
  own: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(own)) {
    const isPassed = !RESERVED.includes(name) && names.some((pattern) => matches(pattern, name))
    const passed = name === 'PATH' ? absolutePath(value ?? '') : value
    if (isPassed && passed !== undefined) env[name] = passed
  }
  return env
}

function checkRequested(name: string, value: string, rules: EnvironmentRules): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes('\0')) {
    const reason = `/env/${name} is not a variable that can be set`
    throw new ProtocolError('INVALID_PARAMS', { method: 'session.create', reason }, HOST)
  }
  if (maySet(name, rules.settable)) return
  const what = `setting the environment variable ${name}; see --allow-env`
  throw new ProtocolError('NOT_ALLOWED', { host: rules.hostId, what }, HOST)
}

function maySet(name: string, settable: readonly string[]): boolean {
  if (RESERVED.includes(name)) return false
  return settable.some((pattern) => matches(pattern, name) && !isGuarded(name, pattern))
}

const HOST = { where: 'host' } as const

/** A value that is shorter would be found in everything. */
const MIN_HIDDEN = 6

/** A text with the names of variables in place of their values; what everybody's environment has may stay. */
export function withoutValues(text: string, env: Environment): string {
  const isPlain = (name: string): boolean => BASE_NAMES.some((pattern) => matches(pattern, name))
  const hidden = Object.entries(env)
    .filter(([name, value]) => value.length >= MIN_HIDDEN && !isPlain(name))
    .sort(([, a], [, b]) => b.length - a.length) // a long one may hold a short one
  return hidden.reduce((left, [name, value]) => left.replaceAll(value, `[${name}]`), text)
}
