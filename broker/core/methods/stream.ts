/** stream.open, stream.close and stream.read. Redeeming a ticket is in broker/streams-socket.ts. */
import { encodeReadResult } from '../../../protocol/messages/page-writer.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { visible } from '../visible.ts'

const DEFAULT_MAX_COUNT = 2000
const DEFAULT_MAX_BYTES = 512 * 1024

export function streamOpen(core: Core, call: Call<'stream.open'>): void {
  const session = visible(core, call).stream(call.params.session)
  const { topic, durable } = core.streams.of(session)
  const { connection, identity, params } = call
  const { principal, via } = identity
  const holder = { connection, principal, via }
  const position = (params.from ?? 1) - 1
  const ticket = core.tickets.issue(session, holder, position, core.clock.now())
  call.reply({ session, ticket, topic, head: durable })
}

export function streamClose(core: Core, call: Call<'stream.close'>): void {
  const { connection, identity } = call
  core.tickets.giveBack(call.params.ticket, { connection, principal: identity.principal })
  call.reply({})
}

export function streamRead(core: Core, call: Call<'stream.read'>): void {
  const { from, to, max_count = DEFAULT_MAX_COUNT, max_bytes = DEFAULT_MAX_BYTES } = call.params
  const session = visible(core, call).stream(call.params.session)
  const { durable: head } = core.streams.of(session)
  const range = {
    from,
    to: Math.min(to ?? head, head),
    maxCount: max_count,
    maxBytes: max_bytes,
  }
  const { page, gaps, next } = core.journal.readPage(session, range)
  call.replyEncoded(encodeReadResult({ session, gaps: [...gaps], next, head }, page))
}
