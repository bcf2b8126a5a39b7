/** REQUEST: checks rights, parameters and the idempotency key, then runs the method. */
import { decodeBody } from '../../../protocol/codec.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Identity } from '../../../protocol/link/broker-link.ts'
import { DEFAULT_DEADLINE_MS } from '../../../protocol/messages/calls.ts'
import { type BrokerMethod, isMethod, METHODS } from '../../../protocol/methods/index.ts'
import { nearest } from '../../../protocol/nearest.ts'
import { MAX_TABLE_KEY_BYTES } from '../../journal/keys.ts'
import { auditForbidden } from '../audit/refused-request.ts'
import { type Call, conflict, type KeyedRequest, outgrown, type Waiter } from '../calls.ts'
import type { Core } from '../core.ts'
import { exceeds, isRepeat, requestHash } from '../idempotency.ts'
import { METHOD_HANDLERS, type MethodHandler } from '../methods/index.ts'
import type { Refused } from '../quotas.ts'
import { actingFor, authorise, forbidden } from '../rights.ts'
import type { Handler, Incoming } from './handler.ts'

export const request: Handler<'REQUEST'> = (received) => {
  const { core, connection, identity, head } = received
  const since = core.clock.now()
  const refused = core.quotas.take(identity, since)
  const misused = misusedId(core, connection, head.id)
  try {
    // Under its own id this would end a request that it has nothing to do with.
    if (misused !== undefined) core.complain(connection, '', misused)
    else if (refused) refuse(received, refused)
    else begin(received)
  } finally {
    core.quotas.worked(identity, core.clock.now() - since, since)
  }
}

/** Whoever goes on and on is not even answered for a while. */
function refuse({ core, connection, head }: Incoming<'REQUEST'>, refused: Refused): void {
  core.tally.refused(head.method, refused.error.code)
  if (!refused.isAbuse) core.send(connection, { kind: 'ERROR', id: head.id }, refused.body)
  else {
    core.tally.reached('abuse')
    core.ports.access.banish(connection, refused.error)
  }
}

function begin(received: Incoming<'REQUEST'>): void {
  const { core, connection, head, body } = received
  const method = knownMethod(head.method)
  const identity = actor(received, method)
  const incoming = { ...received, identity }
  authorise(identity, method)
  limit(received, identity, method)
  const since = core.clock.now()
  const deadlineAt = since + (head.remaining_ms || DEFAULT_DEADLINE_MS)
  const { principal, via } = identity
  const waiter: Waiter = {
    ...{ connection, principal, via, id: head.id, method, since, deadlineAt, bytes: body.length },
  }
  const keyed = keyedRequest(incoming, method)
  if (keyed && repeated(core, keyed, waiter)) return
  if (core.isDraining && METHODS[method].mutating) {
    throw new ProtocolError('DRAINING', { part: 'broker' })
  }
  const params = decodeBody(METHODS[method].params, body, 'INVALID_PARAMS', { method })
  run(core, core.calls.begin({ method, params, identity, trace: head.trace, keyed }, waiter))
}

function misusedId(core: Core, connection: string, id: string): ProtocolError | undefined {
  const invalid = (reason: string) =>
    new ProtocolError('INVALID_MESSAGE', { what: 'REQUEST', reason })
  if (id === '') return invalid('/id must not be empty')
  return core.calls.isUnderWay(connection, id) ? invalid(`/id ${id} is under way`) : undefined
}

function knownMethod(name: string): BrokerMethod {
  if (isMethod(name) && METHODS[name].answeredBy === 'broker') return name as BrokerMethod
  const guess = nearest(name, Object.keys(METHOD_HANDLERS))
  throw new ProtocolError('UNKNOWN_METHOD', {
    method: guess === undefined ? name : `${name}; did you mean ${guess}?`,
  })
}

/** Who asks: the principal of the connection, or the user that it acts for. Throws FORBIDDEN. */
function actor({ core, identity, head }: Incoming<'REQUEST'>, method: BrokerMethod): Identity {
  const { user } = head
  if (user === undefined) return identity
  if (!identity.roles.includes('gateway')) throw forbidden(identity.principal, 'gateway', method)
  const record = core.principals.get(user)
  const acting = record && actingFor(identity, record)
  if (acting) return acting
  throw forbidden(user, 'to be acted for', method)
}

/** Throws OVERLOADED. What a gateway asks for a user counts for both. */
function limit(
  { core, connection, identity }: Incoming<'REQUEST'>,
  actor: Identity,
  method: BrokerMethod,
): void {
  const { calls, quotas } = core
  const now = core.clock.now()
  if (actor !== identity) allow(quotas.take(actor, now))
  for (const one of actor === identity ? [identity] : [identity, actor]) {
    if (METHODS[method].mutating) allow(quotas.takeWrite(one, now))
    const error = quotas.excess(one, calls.loadOf(one.principal))
    if (error) throw error
  }
  const { maxCallsPerConnection } = core.ports.limits
  if (calls.inFlightOf(connection) < maxCallsPerConnection) return
  core.tally.reached('calls_in_flight')
  throw new ProtocolError(
    'OVERLOADED',
    { what: 'the number of calls in flight of this connection', limit: maxCallsPerConnection },
    { retryAfterMs: 100 },
  )
}

function allow(refused: Refused | undefined): void {
  if (refused) throw refused.error
}

function keyedRequest({ identity, head, body }: Incoming<'REQUEST'>, method: BrokerMethod) {
  if (head.key === '' || !METHODS[method].mutating) return undefined
  const key = `${identity.principal}\n${head.key}`
  if (Buffer.byteLength(key) > MAX_TABLE_KEY_BYTES) {
    const reason = `the key is longer than a record of ${MAX_TABLE_KEY_BYTES} bytes allows`
    throw new ProtocolError('INVALID_MESSAGE', { what: 'REQUEST', reason })
  }
  const { reach } = identity
  return { key, hash: requestHash(method, head.target, body), ...(reach && { reach }) }
}

/** A repeat attaches to the running call or gets the stored answer. Throws CONFLICT or FORBIDDEN. */
function repeated(core: Core, keyed: KeyedRequest, waiter: Waiter): boolean {
  const { key, hash } = keyed
  const known = core.idempotency.get(key)
  if (known && !isRepeat(known, hash)) throw conflict(key)
  if (known && exceeds(known, keyed)) throw outgrown(waiter)
  if (core.calls.attach(keyed, waiter)) return true
  if (!known || known.outcome.state === 'running') return false
  core.calls.tell(waiter, known.outcome)
  return true
}

function run<M extends BrokerMethod>(core: Core, call: Call<M>): void {
  const handler = METHOD_HANDLERS[call.method] as MethodHandler<M>
  try {
    handler(core, call)
  } catch (thrown) {
    const error = ProtocolError.from(thrown, 'broker', 'unknown')
    if (error.code === 'INTERNAL') core.defect(error.cause ?? error)
    auditForbidden(core, call, error)
    call.fail(error)
  }
}
