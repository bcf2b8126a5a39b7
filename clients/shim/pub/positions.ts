/**
 * How far each chat has been published, kept in the state of the broker. Many chats share one key, so that
 * any number of them costs a few writes a second. Pure but for its store and the clock it is told.
 */
import { PUB_LIMITS } from './limits.ts'

/** Sequences by session. */
export type PositionRecord = Readonly<Record<string, number>>

export interface PositionStore {
  load(shard: string): Promise<PositionRecord>
  save(shard: string, positions: PositionRecord): Promise<void>
}

const SHARDS = '0123456789abcdef'

interface Position {
  /** Last sequence that was published. */
  sent: number
  /** What had been published when it was last looked at. */
  candidate: number
  /** Published for long enough to be out of this process. */
  settled: number
}

export class Positions {
  readonly #store: PositionStore
  readonly #positions = new Map<string, Position>()
  readonly #dirty = new Set<string>()
  #lookedAt = 0
  #saving: Promise<void> | undefined

  constructor(store: PositionStore) {
    this.#store = store
  }

  /** Reads all; those of sessions that are no more are left out. */
  async load(isThere: (session: string) => boolean): Promise<void> {
    for (const shard of SHARDS) {
      for (const [session, seq] of Object.entries(await this.#store.load(shard))) {
        if (isThere(session)) {
          this.#positions.set(session, { sent: seq, candidate: seq, settled: seq })
        } else this.#dirty.add(shard)
      }
    }
  }

  /** Last sequence that was published; 0 = none. */
  of(session: string): number {
    return this.#positions.get(session)?.sent ?? 0
  }

  sent(session: string, seq: number): void {
    const position = this.#positions.get(session)
    if (position) position.sent = Math.max(position.sent, seq)
    else this.#positions.set(session, { sent: seq, candidate: 0, settled: 0 })
  }

  forget(session: string): void {
    if (this.#positions.delete(session)) this.#dirty.add(shardOf(session))
  }

  /** Writes what has settled. Rejects when the store does; it is tried again with the next tick. */
  async tick(now: number): Promise<void> {
    if (this.#saving || now - this.#lookedAt < PUB_LIMITS.settleMs) return
    this.#lookedAt = now
    for (const [session, position] of this.#positions) {
      this.#settle(session, position, position.candidate)
      position.candidate = position.sent
    }
    await this.#save()
  }

  /** Writes everything that was published. */
  async flush(): Promise<void> {
    await this.#saving?.catch(() => undefined)
    for (const [session, position] of this.#positions) {
      this.#settle(session, position, position.sent)
    }
    await this.#save()
  }

  #settle(session: string, position: Position, seq: number): void {
    if (position.settled >= seq) return
    position.settled = seq
    this.#dirty.add(shardOf(session))
  }

  #save(): Promise<void> {
    this.#saving = this.#saveDirty().finally(() => {
      this.#saving = undefined
    })
    return this.#saving
  }

  async #saveDirty(): Promise<void> {
    for (const shard of [...this.#dirty]) {
      this.#dirty.delete(shard)
      try {
        await this.#store.save(shard, this.#recordOf(shard))
      } catch (thrown) {
        this.#dirty.add(shard)
        throw thrown
      }
    }
  }

  #recordOf(shard: string): PositionRecord {
    const own = [...this.#positions].filter(([session]) => shardOf(session) === shard)
    return Object.fromEntries(own.map(([session, { settled }]) => [session, settled]))
  }
}

function shardOf(session: string): string {
  return session[0] ?? '0'
}
