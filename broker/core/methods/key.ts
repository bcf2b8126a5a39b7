/** key.*: principals, their keys and rights, and the broker's own key. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { fingerprint, isKey } from '../../../protocol/keys/key-pair.ts'
import type { Role } from '../../../protocol/messages/handshake.ts'
import type { Params } from '../../../protocol/methods/index.ts'
import type { PrincipalInfo } from '../../../protocol/methods/key.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { MAX_KNOCKERS } from '../knockers.ts'
import type { KeyRecord, PrincipalRecord } from '../principals.ts'

const DEFAULT_ROLES: readonly Role[] = ['operator']
const DEFAULT_LIMIT = 200

export function keyAdd(core: Core, call: Call<'key.add'>): void {
  const { key } = call.params
  if (key !== undefined && !isKey(key)) {
    const reason = '/key is no public key: 40 characters of Z85 are expected'
    throw new ProtocolError('INVALID_PARAMS', { method: call.method, reason })
  }
  grant(core, call, call.params, key)
}

export function keyApprove(core: Core, call: Call<'key.approve'>): void {
  grant(core, call, call.params, core.knockers.resolve(call.params.key).key)
}

type Grant = Omit<Params<'key.add'>, 'key'>

function grant(
  core: Core,
  call: Call<'key.add'> | Call<'key.approve'>,
  wanted: Grant,
  key: string | undefined,
): void {
  const before = core.principals.latest(wanted.principal)
  const at = core.clock.wall()
  const record = {
    principal: wanted.principal,
    roles: wanted.roles ?? before?.roles ?? DEFAULT_ROLES,
    reach: wanted.reach ?? before?.reach ?? 'all',
    note: wanted.note ?? before?.note ?? '',
    keys: withKey(before?.keys ?? [], key, { at, by: call.identity.principal }),
    changed_at: at,
  } as const
  const { operations, written } = core.principals.change(record)
  const result = { ...infoOf(core, { ...record, version: 0 }) }
  call.persist(
    operations,
    () => {
      written()
      if (key !== undefined) core.knockers.admitted(key)
      if (before && !hasSameRights(before, record)) rightsChanged(core, record.principal)
      call.reply(result)
    },
    result,
  )
}

type Rights = Pick<PrincipalRecord, 'roles' | 'reach'>

function hasSameRights(before: Rights, after: Rights): boolean {
  const roles = new Set(before.roles)
  const isSame = after.roles.length === roles.size && after.roles.every((role) => roles.has(role))
  return isSame && before.reach === after.reach
}

/** Whoever is connected has the rights of before: it shakes hands again, and what it had is void. */
function rightsChanged(core: Core, principal: string): void {
  core.ports.access.changed(principal)
  core.leaveStreams(principal)
}

/** A key that was revoked stays so: who lost it once may not have it again. Throws INVALID_PARAMS. */
function withKey(
  keys: readonly KeyRecord[],
  key: string | undefined,
  { at, by }: { readonly at: number; readonly by: string },
): readonly KeyRecord[] {
  const known = keys.find((one) => one.key === key)
  if (key === undefined || known?.status === 'active') return keys
  if (known) {
    const reason = `/key ${fingerprint(key)} was revoked; make a new one`
    throw new ProtocolError('INVALID_PARAMS', { method: 'key.add', reason })
  }
  return [...keys, { key, status: 'active', added_at: at, added_by: by }]
}

export function keyList(core: Core, call: Call<'key.list'>): void {
  const { after = '', limit = DEFAULT_LIMIT } = call.params
  const behind = [...core.principals.all()]
    .filter(({ principal }) => principal > after)
    .sort((a, b) => (a.principal < b.principal ? -1 : 1))
  const page = behind.slice(0, limit)
  const last = page.at(-1)
  call.reply({
    door: core.ports.access.door(),
    principals: page.map((record) => infoOf(core, record)),
    ...(last && behind.length > page.length && { next: last.principal }),
  })
}

export function keyPending(core: Core, call: Call<'key.pending'>): void {
  call.reply({ pending: core.knockers.list(), limit: MAX_KNOCKERS })
}

export function keyRevoke(core: Core, call: Call<'key.revoke'>): void {
  const { principal, keys } = meant(core, call.params)
  const before = core.principals.latest(principal)
  if (!before) throw new ProtocolError('NO_SUCH_PRINCIPAL', { principal })
  const isMeant = ({ key, status }: KeyRecord) =>
    status === 'active' && (keys === undefined || keys.includes(key))
  const revoked = before.keys.filter(isMeant).length
  const after = before.keys.map((one) =>
    isMeant(one) ? ({ ...one, status: 'revoked' } as const) : one,
  )
  // Without a key it can only be acted for, and that ends as well.
  const roles = keys === undefined ? [] : before.roles
  const { version: _, ...rest } = before
  const { operations, written } = core.principals.change({
    ...rest,
    roles,
    keys: after,
    changed_at: core.clock.wall(),
  })
  call.persist(operations, () => {
    written()
    const gone = keys ?? after.map(({ key }) => key)
    const connections = core.ports.access.revoked(principal, new Set(gone))
    core.leaveStreams(principal)
    call.reply({ principal, revoked, connections })
  })
}

/** The principal that is meant, and its keys; undefined = all of them. Throws. */
function meant(
  core: Core,
  { principal, key }: Params<'key.revoke'>,
): { readonly principal: string; readonly keys: readonly string[] | undefined } {
  if (key === undefined) {
    if (principal !== undefined) return { principal, keys: undefined }
    const reason = 'it needs /principal or /key'
    throw new ProtocolError('INVALID_PARAMS', { method: 'key.revoke', reason })
  }
  const found = core.principals
    .matching(key)
    .filter((one) => principal === undefined || one.principal === principal)
  const [first] = found
  if (!first) throw new ProtocolError('UNKNOWN_KEY', { key })
  if (found.length > 1) {
    throw new ProtocolError('AMBIGUOUS_KEY', { key, count: found.length })
  }
  return { principal: first.principal, keys: [first.key] }
}

export function keyRotate(core: Core, call: Call<'key.rotate'>): void {
  call.persist([], () => {
    core.ports.access.rotate(call.params.step, (outcome) => {
      if (outcome instanceof ProtocolError) call.fail(outcome)
      else call.reply(outcome)
    })
  })
}

function infoOf(core: Core, record: PrincipalRecord): PrincipalInfo {
  const { principal, roles, reach, note, keys, changed_at } = record
  return {
    principal,
    roles: [...roles],
    reach,
    note,
    keys: keys.map((one) => ({
      ...one,
      fingerprint: fingerprint(one.key),
      told_next: core.ports.access.toldNext(one.key),
    })),
    connections: core.ports.access.connectionsOf(principal),
    changed_at,
  }
}
