/** stream.progress and stream.readers: where readers say that they are, and how far behind that is. */
import type { ReaderInfo } from '../../../protocol/methods/readers.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import type { Reading } from '../tickets.ts'

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
  const session = reference === undefined ? undefined : core.sessions.resolve(reference).session
  const readings = [...core.tickets.readings()].filter(
    (reading) => session === undefined || reading.session === session,
  )
  const behind = readings
    .map((reading) => ({ reading, lag: lagOf(core, reading) }))
    .sort((a, b) => b.lag - a.lag)
  const readers = behind.slice(0, limit).map(({ reading }) => readerInfo(core, reading))
  call.reply({ readers, total: readings.length })
}

/** A reader may wait for what does not exist yet: it is not behind. */
export function lagOf(core: Core, { session, position }: Reading): number {
  return Math.max(0, core.streams.of(session).durable - position)
}

function readerInfo(core: Core, reading: Reading): ReaderInfo {
  const { session, holder, isRedeemed, position, reportedAt, issuedAt } = reading
  const now = core.clock.now()
  return {
    session,
    principal: holder.principal,
    connection: connectionName(holder.connection),
    live: isRedeemed,
    position,
    head: core.streams.of(session).durable,
    lag: lagOf(core, reading),
    reported_ms: reportedAt === undefined ? -1 : Math.round(now - reportedAt),
    opened_ms: Math.round(now - issuedAt),
  }
}

/** The id that ROUTER made has bytes that nobody can read or type. */
function connectionName(connection: string): string {
  return Buffer.from(connection, 'latin1').toString('hex')
}
