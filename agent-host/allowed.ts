/** What the config of a host lets a request have: which backends, and which arguments of theirs. */
import { ProtocolError } from '../protocol/errors.ts'
import type { Params } from '../protocol/methods/index.ts'
import { nearest } from '../protocol/nearest.ts'
import type { Backend } from './backends/backend.ts'
import type { HostConfig } from './config.ts'

/** Of an argument that is refused, this much is told: what stands behind may be nobody's business. */
const TOLD_CHARACTERS = 64

type Rules = Pick<HostConfig, 'name' | 'allow_backends' | 'allow_args' | 'stdio_commands'>

/** Those that sessions may use. Throws BAD_CONFIG when one is allowed that is not there. */
export function allowedBackends(
  backends: readonly Backend[],
  config: Pick<Rules, 'allow_backends'>,
): readonly Backend[] {
  const names = backends.map(({ name }) => name)
  const unknown = config.allow_backends.find((name) => !names.includes(name))
  if (unknown === undefined) return backends.filter(({ name }) => isAllowed(config, name))
  const guess = nearest(unknown, names)
  const hint = guess === undefined ? `there are ${names.join(', ')}` : `did you mean ${guess}?`
  const reason = `there is no backend ${unknown}; ${hint}`
  throw new ProtocolError('BAD_CONFIG', { source: 'allow_backends', reason }, { where: 'host' })
}

/** Throws NOT_ALLOWED. */
export function requireBackend(config: Rules, name: string): void {
  if (!isAllowed(config, name)) refuse(config, `the backend ${name}; see --allow-backend`)
}

function isAllowed({ allow_backends }: Pick<Rules, 'allow_backends'>, name: string): boolean {
  return allow_backends.length === 0 || allow_backends.includes(name)
}

/**
 * An argument can make a CLI run any program (its hooks, its servers) or go anywhere, so none is added
 * that the config does not name. A program of `stdio_commands` has a rule of its own. Throws NOT_ALLOWED.
 */
export function requireArguments(
  config: Rules,
  { backend, extra_args = [] }: Pick<Params<'agent.start'>, 'backend' | 'extra_args'>,
): void {
  if (Object.hasOwn(config.stdio_commands, backend)) return
  for (const argument of extra_args) {
    const isNamed = config.allow_args.some((rule) => covers(rule, `${backend}:${argument}`))
    if (!isNamed) refuse(config, `the argument ${told(argument)} for ${backend}; see --allow-arg`)
  }
}

function covers(rule: string, argument: string): boolean {
  return rule.endsWith('*') ? argument.startsWith(rule.slice(0, -1)) : argument === rule
}

function told(argument: string): string {
  return (argument.split('=')[0] ?? '').slice(0, TOLD_CHARACTERS)
}

function refuse({ name }: Rules, what: string): never {
  throw new ProtocolError('NOT_ALLOWED', { host: name, what }, { where: 'host' })
}
