/** stream.progress and stream.readers: where readers say that they are, and how far behind that is. */
import type { ReaderInfo } from '../../../protocol/methods/readers.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { connectionName, type Lagging } from '../readers.ts'
import { visible } from '../visible.ts'

const DEFAULT_LIMIT = 1000

export function streamProgress(core: Core, call: Call<'stream.progress'>): void {
  const now = core.clock.now()
  const { connection, identity } = call
  const { principal } = identity
  for (const [ticket, position] of call.params.positions) {
    core.tickets.progressed(ticket, { connection, principal }, position, now)
  }
  call.reply({})
}

export function streamReaders(core: Core, call: Call<'stream.readers'>): void {
  const { session: reference, limit = DEFAULT_LIMIT } = call.params
  const seen = visible(core, call)
  const session = reference === undefined ? undefined : seen.stream(reference)
  const found = seen
    .readers()
    .filter(({ reading }) => session === undefined || reading.session === session)
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
