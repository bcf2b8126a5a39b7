/** stream.open, stream.close and stream.read. Redeeming a ticket is in broker/streams-socket.ts. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { scopesOf } from '../../../protocol/methods/define.ts'
import type { StoredChunk } from '../../journal/journal.ts'
import { askedBy } from '../audit/asked.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { AUDIT, isOwnStream } from '../events.ts'

const DEFAULT_MAX_COUNT = 2000
const DEFAULT_MAX_BYTES = 512 * 1024

type StreamCall = Call<'stream.open'> | Call<'stream.read'> | Call<'stream.readers'>

/** The id of a session by what callers say of it, or of a stream of the broker. Throws also FORBIDDEN. */
export function streamOf(core: Core, call: StreamCall, reference: string): string {
  if (!isOwnStream(reference)) return core.sessions.resolve(reference).session
  if (reference === AUDIT && !mayReadAudit(call)) throw auditForbidden(core, call)
  if (core.events.has(reference)) return reference
  throw new ProtocolError('NO_SUCH_STREAM', { stream: reference })
}

/** The audit log is not for everybody who may read streams. */
export function mayReadAudit({ identity }: StreamCall): boolean {
  return scopesOf(identity.roles).has('admin')
}

function auditForbidden(core: Core, call: StreamCall): ProtocolError {
  const { method, identity } = call
  const { principal } = identity
  const error = new ProtocolError('FORBIDDEN', { principal, scope: 'admin', method })
  core.audit.refused({ ...askedBy(method, { ...call, key: '' }), target: AUDIT }, error)
  return error
}

export function streamOpen(core: Core, call: Call<'stream.open'>): void {
  const session = streamOf(core, call, call.params.session)
  const { topic, durable } = core.streams.of(session)
  const { connection, identity, params } = call
  const holder = { connection, principal: identity.principal }
  const position = (params.from ?? 1) - 1
  const ticket = core.tickets.issue(session, holder, position, core.clock.now())
  call.reply({ session, ticket, topic, head: durable })
}

export function streamClose(core: Core, call: Call<'stream.close'>): void {
  core.tickets.close(call.params.ticket)
  call.reply({})
}

export function streamRead(core: Core, call: Call<'stream.read'>): void {
  const { from, to, max_count = DEFAULT_MAX_COUNT, max_bytes = DEFAULT_MAX_BYTES } = call.params
  const session = streamOf(core, call, call.params.session)
  const { durable: head } = core.streams.of(session)
  const range = {
    from,
    to: Math.min(to ?? head, head),
    maxCount: max_count,
    maxBytes: max_bytes,
  }
  const { chunks, gaps, next } = core.journal.read(session, range)
  call.reply({ session, chunks: chunks.map(pageChunk), gaps: [...gaps], next, head })
}

function pageChunk({
  sequence,
  time,
  turn,
  type,
  body,
}: StoredChunk): [number, number, number, number, Buffer] {
  return [sequence, time, turn, type, body]
}
