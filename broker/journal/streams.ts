/**
 * Owns which chunks of a session are live: its head, and its generation. Dropping a session raises its
 * generation, so that all its chunks are gone with one small write; their keys are then removed a slice
 * at a time. (Removing 100,000 keys in one transaction holds the event loop for 0.1 s here; and over
 * 300,000 changes in one, the binding sleeps on the main thread.) Does not commit.
 */
import { checkSession, chunkKey, MAX_SEQUENCE, sequenceOf } from './keys.ts'
import type { Change, LmdbStore } from './lmdb-store.ts'
import type { EncodedOperation } from './operations.ts'
import { decodeChunk, decodeSmall, encodeSmall } from './record.ts'

export interface Head {
  readonly sequence: number
  readonly producerSequence: number
}

const NO_HEAD: Head = { sequence: 0, producerSequence: 0 }

/** Keys removed in one go: about 1 ms of work. */
const PURGE_SLICE = 512

/** How many damaged records at the end of a session are stepped over to find a producer sequence. */
const HEAD_SEARCH = 64

/** `purge` removes one slice of the chunks that earlier generations left. */
export type Step = EncodedOperation | { readonly op: 'purge'; readonly session: string }

/** The changes of one group, and what they make of the streams once they are durable. */
export interface Plan {
  readonly changes: Change[]
  readonly heads: Map<string, Head>
  readonly generations: Map<string, number>
  /** Sessions with chunks of an earlier generation left to remove. */
  readonly unpurged: Set<string>
}

export class Streams {
  readonly #store: LmdbStore
  readonly #heads = new Map<string, Head>()
  readonly #generations = new Map<string, number>()
  #damaged = 0

  constructor(store: LmdbStore) {
    this.#store = store
    for (const { key, value } of store.range('streams')) {
      const session = key.toString('latin1')
      const generation = decodeSmall('streams', session, value)?.value
      if (typeof generation === 'number') this.#generations.set(session, generation)
      else this.#damaged += 1
    }
  }

  /** Generation records that failed their checksum at the start. */
  get damaged(): number {
    return this.#damaged
  }

  /** Sessions that were dropped and may have chunks left to remove. */
  dropped(): string[] {
    return [...this.#generations.keys()]
  }

  key(session: string, sequence: number): Buffer {
    return chunkKey(session, this.#generations.get(session) ?? 0, sequence)
  }

  /** O(log n) the first time, from memory later. Throws INVALID_MESSAGE for an impossible id. */
  head(session: string): Head {
    const known = this.#heads.get(session)
    if (known) return known
    const found = this.#findHead(session)
    // Only what exists is remembered, so that asking for made-up ids costs no memory.
    if (found.sequence > 0) this.#heads.set(session, found)
    return found
  }

  #findHead(session: string): Head {
    checkSession(session)
    let sequence = 0
    let searched = 0
    const [first, last] = [this.key(session, 0), this.key(session, MAX_SEQUENCE)]
    for (const { key, value } of this.#store.backwards('chunks', last, first)) {
      // The key tells the sequence even when the record is damaged: no number is given twice.
      if (searched === 0) sequence = sequenceOf(key)
      const chunk = decodeChunk(session, sequenceOf(key), value)
      if (chunk) return { sequence, producerSequence: chunk.producerSequence }
      searched += 1
      if (searched === HEAD_SEARCH) break
    }
    return { sequence, producerSequence: 0 }
  }

  plan(steps: Iterable<Step>): Plan {
    const plan: Plan = {
      changes: [],
      heads: new Map(),
      generations: new Map(),
      unpurged: new Set(),
    }
    for (const step of steps) this.#planStep(plan, step)
    return plan
  }

  #planStep(plan: Plan, step: Step): void {
    switch (step.op) {
      case 'append':
        this.#planAppend(plan, step)
        return
      case 'put':
        plan.changes.push({ to: step.table, key: step.key, value: step.record })
        return
      case 'delete':
        plan.changes.push({ to: step.table, key: step.key, value: undefined })
        return
      case 'drop':
        this.#planDrop(plan, step.session)
        return
      case 'purge':
        this.#planPurge(plan, step.session)
    }
  }

  #generation(plan: Plan, session: string): number {
    return plan.generations.get(session) ?? this.#generations.get(session) ?? 0
  }

  #planAppend(plan: Plan, step: Step & { op: 'append' }): void {
    const { session, sequence, producerSequence, record } = step
    const key = chunkKey(session, this.#generation(plan, session), sequence)
    plan.changes.push({ to: 'chunks', key, value: record })
    const before = plan.heads.get(session) ?? this.head(session)
    plan.heads.set(session, sequence >= before.sequence ? { sequence, producerSequence } : before)
  }

  #planDrop(plan: Plan, session: string): void {
    const generation = this.#generation(plan, session) + 1
    plan.generations.set(session, generation)
    plan.heads.set(session, NO_HEAD)
    plan.unpurged.add(session)
    const value = encodeSmall('streams', session, generation)
    plan.changes.push({ to: 'streams', key: Buffer.from(session, 'latin1'), value })
  }

  #planPurge(plan: Plan, session: string): void {
    const durable = this.#generations.get(session) ?? 0
    const end = chunkKey(session, durable, 0)
    const keys = this.#store.keys('chunks', chunkKey(session, 0, 0), end, PURGE_SLICE)
    for (const key of keys) plan.changes.push({ to: 'chunks', key, value: undefined })
    if (keys.length === PURGE_SLICE) plan.unpurged.add(session)
    else if (this.#isForgotten(plan, session)) {
      plan.generations.set(session, 0)
      plan.changes.push({ to: 'streams', key: Buffer.from(session, 'latin1'), value: undefined })
    }
  }

  /** Whether nothing is left of the session, so that its generation may start over. */
  #isForgotten(plan: Plan, session: string): boolean {
    if (plan.heads.has(session) || plan.generations.has(session)) return false
    return this.head(session).sequence === 0
  }

  /** To be called when the plan's changes are durable. */
  applied(plan: Plan): void {
    for (const [session, generation] of plan.generations) {
      if (generation === 0) this.#generations.delete(session)
      else this.#generations.set(session, generation)
    }
    for (const [session, head] of plan.heads) {
      if (head.sequence === 0) this.#heads.delete(session)
      else this.#heads.set(session, head)
    }
  }
}
