/** `agentmq keys add`, `approve` and `revoke`: who may come in from now on. */
import type { Role } from '../../../protocol/messages/handshake.ts'
import type { Reach } from '../../../protocol/methods/define.ts'
import type { PrincipalInfo } from '../../../protocol/methods/key.ts'
import type { Client } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { count } from '../render/count.ts'
import { safeLine } from '../render/safe-text.ts'
import { UsageError } from '../usage-error.ts'
import { confirmed } from './confirm.ts'
import { everyPrincipal } from './everybody.ts'
import { activeKeys, keysText } from './list.ts'

export interface GrantFlags {
  readonly role?: readonly Role[] | undefined
  readonly reach?: Reach | undefined
  readonly note?: string | undefined
}

/** What is not said stays as it is. */
function rightsOf({ role, reach, note }: GrantFlags) {
  return {
    ...(role && role.length > 0 && { roles: [...role] }),
    ...(reach !== undefined && { reach }),
    ...(note !== undefined && { note }),
  }
}

export interface AddFlags extends GrantFlags {
  /** Public key. */
  readonly key: string | undefined
}

/** A new principal, another key of one, or other rights. */
export async function addKey(
  client: Client,
  principal: string,
  flags: AddFlags,
  cli: Cli,
): Promise<number> {
  const { key } = flags
  const params = { principal, ...(key !== undefined && { key }), ...rightsOf(flags) }
  return tellGranted(await client.call('key.add', params), cli)
}

export async function approveKey(
  client: Client,
  key: string,
  principal: string,
  flags: GrantFlags,
  cli: Cli,
): Promise<number> {
  const params = { key, principal, ...rightsOf(flags) }
  return tellGranted(await client.call('key.approve', params), cli)
}

function tellGranted(info: PrincipalInfo, { output }: Cli): number {
  if (output.json) {
    output.record(info)
    return EXIT.ok
  }
  const { principal, roles, reach, keys } = info
  const own = reach === 'own' ? ', its own sessions only' : ''
  const cells = [principal, `${roles.join(',')}${own}`, keysText(keys) || 'no key']
  output.line(cells.map(safeLine).join('  '))
  if (activeKeys(keys).length === 0)
    output.note('· it has no key, so only a gateway can act for it')
  return EXIT.ok
}

export interface RevokeFlags {
  readonly yes: boolean
}

/** A principal with all its keys, or one key. */
export async function revokeKeys(
  client: Client,
  reference: string,
  { yes }: RevokeFlags,
  cli: Cli,
): Promise<number> {
  const { principals } = await everyPrincipal(client, cli)
  const whole = principals.find(({ principal }) => principal === reference)
  const question = whole
    ? `revoke ${whole.principal} (${whole.roles.join(', ') || 'no role'}), ${count(activeKeys(whole.keys).length, 'key')}, ${count(whole.connections, 'connection')}?`
    : `revoke the key ${reference}${ownerText(principals, reference)}?`
  if (!yes && !(await confirmed(question, cli))) {
    cli.output.note('· nothing was revoked')
    return EXIT.failed
  }
  const params = whole ? { principal: reference } : { key: reference }
  const result = await client.call('key.revoke', params)
  const { output } = cli
  if (output.json) output.record(result)
  else {
    const what = `${count(result.revoked, 'key')} revoked, ${count(result.connections, 'connection')} ended`
    output.line(`${result.principal}  ${what}`)
  }
  return EXIT.ok
}

function ownerText(principals: readonly PrincipalInfo[], reference: string): string {
  const meant = principals.filter(({ keys }) =>
    keys.some(({ key, fingerprint }) => key === reference || fingerprint.startsWith(reference)),
  )
  return meant.length === 0 ? '' : ` of ${meant.map(({ principal }) => principal).join(', ')}`
}

/** Throws UsageError for a name that is none, before anything is asked. */
export function checkPrincipal(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(name)) return name
  throw new UsageError(`${name} is no name of a principal: letters, digits, and . _ @ - within`)
}
