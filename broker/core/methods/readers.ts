/** stream.progress and stream.readers: where readers say that they are, and how far behind that is. */
import type { ReaderInfo } from '../../../protocol/methods/readers.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { AUDIT } from '../events.ts'
import { connectionName, type Lagging, lagging } from '../readers.ts'
import { mayReadAudit, streamOf } from './stream.ts'

const DEFAULT_LIMIT = 1000

export function streamProgress(core: Core, call: Call<'stream.progress'>): void {
  const now = core.clock.now()
  for (const [ticket, position] of call.params.positions) {
    core.tickets.progressed(ticket, call.connection, position, now)
  }
  call.reply({})
}

export function streamReaders(core: Core, call: Call<'stream.readers'>): void {
  const { session: reference, limit = DEFAULT_LIMIT } = call.params
  const session = reference === undefined ? undefined : streamOf(core, call, reference)
  const isShown = (stream: string): boolean =>
    session === undefined ? stream !== AUDIT || mayReadAudit(call) : stream === session
  const found = lagging(core).filter(({ reading }) => isShown(reading.session))
  const readers = found.slice(0, limit).map((one) => readerInfo(core, one))
  call.reply({ readers, total: found.length })
}

function readerInfo(core: Core, { reading, lag }: Lagging): ReaderInfo {
  const { session, holder, isRedeemed, position, reportedAt, issuedAt } = reading
  const now = core.clock.now()
  return {
    session,
    principal: holder.principal,
    connection: connectionName(holder.connection),
    live: isRedeemed,
    position,
    head: core.streams.of(session).durable,
    lag,
    reported_ms: reportedAt === undefined ? -1 : Math.round(now - reportedAt),
    opened_ms: Math.round(now - issuedAt),
  }
}
