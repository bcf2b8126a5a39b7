/**
 * Defects put into the product for one run, to see that the simulation finds such things. Each replaces a
 * method and gives back what restores it.
 */
import { ChunkLog } from '../../agent-host/chunk-log.ts'
import { Audit } from '../../broker/core/audit/audit.ts'
import { AuditChain } from '../../broker/core/audit/chain.ts'
import { Streams } from '../../broker/core/streams.ts'
import { type Versioned, VersionedTable } from '../../broker/core/versioned.ts'
import { type RawChunk, Reader } from '../../clients/sdk/reader.ts'
import { SimJournal } from './sim-journal.ts'

type Restore = () => void

function replace<T extends object, K extends keyof T>(
  target: T,
  name: K,
  mutate: (original: T[K]) => T[K],
): Restore {
  const original = target[name]
  target[name] = mutate(original)
  return () => {
    target[name] = original
  }
}

export const MUTATIONS = {
  'a broker that publishes before it is durable': () =>
    replace(
      Streams.prototype,
      'number',
      (number) =>
        function (this: Streams, session, chunk, wallMs) {
          const numbered = number.call(this, session, chunk, wallMs)
          this.published(session, [numbered], 0)
          return numbered
        },
    ),
  'a journal that says durable and is not': () =>
    replace(
      SimJournal.prototype,
      'write',
      (write) =>
        function (this: SimJournal, operations, durable) {
          write.call(this, operations, () => undefined)
          queueMicrotask(() => durable(undefined))
        },
    ),
  'a host that forgets what was not acknowledged': () =>
    replace(ChunkLog.prototype, 'rewind', () => () => undefined),
  'a reader that does not look for holes': () => {
    const live = new WeakMap<Reader, RawChunk[]>()
    const restoreChunk = replace(
      Reader.prototype,
      'chunk',
      () =>
        function (this: Reader, chunk) {
          live.set(this, [...(live.get(this) ?? []), chunk])
        },
    )
    const restoreTake = replace(
      Reader.prototype,
      'take',
      () =>
        function (this: Reader) {
          return live.get(this)?.shift()
        },
    )
    return () => {
      restoreChunk()
      restoreTake()
    }
  },
  'a journal that does not tell what was trimmed': () =>
    replace(
      SimJournal.prototype,
      'readPage',
      (readPage) =>
        function (this: SimJournal, session, range) {
          return { ...readPage.call(this, session, range), gaps: [] }
        },
    ),
  'a broker that trims what its readers were promised next': () =>
    replace(
      SimJournal.prototype,
      'write',
      (write) =>
        function (this: SimJournal, operations, durable) {
          const wrong = operations.map((operation) =>
            operation.op === 'trim' ? ({ ...operation, op: 'drop' } as const) : operation,
          )
          write.call(this, wrong, durable)
        },
    ),
  'a broker that forgets idempotency keys when it restarts': () =>
    replace(
      SimJournal.prototype,
      'entries',
      (entries) =>
        function* (this: SimJournal, table) {
          if (table !== 'idempotency') yield* entries.call(this, table)
        },
    ),
  'a chain of the audit log that does not fall back with a failed write': () =>
    replace(AuditChain.prototype, 'rewind', () => () => undefined),
  'an audit log that does not know which calls a restart cut off': () =>
    replace(
      Audit.prototype,
      'ended',
      (end) =>
        function (this: Audit, { key, ...asked }, ended, also, settled) {
          const isCutOff = ended.state === 'failed' && ended.error.code === 'BROKER_RESTARTED'
          const known = { ...asked, ...(key !== undefined && !isCutOff && { key }) }
          end.call(this, known, ended, also, settled)
        },
    ),
  'a broker that decides on what is on disk alone': () =>
    replace(
      VersionedTable.prototype,
      'latest',
      () =>
        function (this: VersionedTable<Versioned>, key) {
          return this.durable(key)
        },
    ),
} satisfies Record<string, () => Restore>
