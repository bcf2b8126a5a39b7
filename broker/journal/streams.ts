/**
 * Owns which chunks of a session are live: its head, its generation and its floor. Dropping a session
 * raises its generation and trimming it raises its floor, so that chunks are gone with one small write;
 * their keys are then removed a slice at a time. (Removing 100,000 keys in one transaction holds the event loop for 0.1 s here; and over
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

/** Chunks of an earlier generation, or of this one below the floor, are gone. */
export interface Bounds {
  readonly generation: number
  /** 0 = nothing was trimmed whose key may still be there. */
  readonly floor: number
}

export const WHOLE: Bounds = { generation: 0, floor: 0 }

/** Keys removed in one go: about 1 ms of work. */
const PURGE_SLICE = 512

/** How many damaged records at the end of a session are stepped over to find a producer sequence. */
const HEAD_SEARCH = 64

/** `purge` removes one slice of the chunks that are gone. */
export type Step = EncodedOperation | { readonly op: 'purge'; readonly session: string }

/** The changes of one group, and what they make of the streams once they are durable. */
export interface Plan {
  readonly changes: Change[]
  readonly heads: Map<string, Head>
  readonly bounds: Map<string, Bounds>
  /** Sessions with chunks that are gone left to remove. */
  readonly unpurged: Set<string>
}

export class Streams {
  readonly #store: LmdbStore
  readonly #heads = new Map<string, Head>()
  readonly #bounds = new Map<string, Bounds>()
  #damaged = 0

  constructor(store: LmdbStore) {
    this.#store = store
    for (const { key, value } of store.range('streams')) {
      const session = key.toString('latin1')
      const bounds = readBounds(decodeSmall('streams', session, value)?.value)
      if (bounds) this.#bounds.set(session, bounds)
      else this.#damaged += 1
    }
  }

  /** Records of bounds that failed their checksum at the start. */
  get damaged(): number {
    return this.#damaged
  }

  /** Sessions that were dropped or trimmed and may have chunks left to remove. */
  unpurged(): string[] {
    return [...this.#bounds.keys()]
  }

  /** The key of a chunk; of the lowest that is not gone for one that is. */
  key(session: string, sequence: number): Buffer {
    const { generation, floor } = this.#bounds.get(session) ?? WHOLE
    return chunkKey(session, generation, Math.max(sequence, floor))
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
    const { generation, floor } = this.#bounds.get(session) ?? WHOLE
    const behind = chunkKey(session, generation, Math.max(floor - 1, 0))
    const last = chunkKey(session, generation, MAX_SEQUENCE)
    for (const { key, value } of this.#store.backwards('chunks', last, behind)) {
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
      bounds: new Map(),
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
      case 'trim':
        this.#planTrim(plan, step)
        return
      case 'purge':
        this.#planPurge(plan, step.session)
    }
  }

  #boundsOf(plan: Plan, session: string): Bounds {
    return plan.bounds.get(session) ?? this.#bounds.get(session) ?? WHOLE
  }

  #setBounds(plan: Plan, session: string, bounds: Bounds): void {
    const { generation, floor } = bounds
    plan.bounds.set(session, bounds)
    const key = Buffer.from(session, 'latin1')
    const isWhole = generation === 0 && floor === 0
    const value = isWhole ? undefined : encodeSmall('streams', session, [generation, floor])
    plan.changes.push({ to: 'streams', key, value })
  }

  #planAppend(plan: Plan, step: Step & { op: 'append' }): void {
    const { session, sequence, producerSequence, record } = step
    const key = chunkKey(session, this.#boundsOf(plan, session).generation, sequence)
    plan.changes.push({ to: 'chunks', key, value: record })
    const before = plan.heads.get(session) ?? this.head(session)
    plan.heads.set(session, sequence >= before.sequence ? { sequence, producerSequence } : before)
  }

  #planDrop(plan: Plan, session: string): void {
    const { generation } = this.#boundsOf(plan, session)
    plan.heads.set(session, NO_HEAD)
    plan.unpurged.add(session)
    this.#setBounds(plan, session, { generation: generation + 1, floor: 0 })
  }

  #planTrim(plan: Plan, { session, before }: Step & { op: 'trim' }): void {
    const { sequence } = plan.heads.get(session) ?? this.head(session)
    const { generation, floor } = this.#boundsOf(plan, session)
    const trimmed = Math.min(before, sequence)
    if (trimmed <= Math.max(floor, 1)) return
    plan.unpurged.add(session)
    this.#setBounds(plan, session, { generation, floor: trimmed })
  }

  #planPurge(plan: Plan, session: string): void {
    const bounds = this.#bounds.get(session) ?? WHOLE
    const end = chunkKey(session, bounds.generation, bounds.floor)
    const keys = this.#store.keys('chunks', chunkKey(session, 0, 0), end, PURGE_SLICE)
    for (const key of keys) plan.changes.push({ to: 'chunks', key, value: undefined })
    if (keys.length === PURGE_SLICE) plan.unpurged.add(session)
    else if (!plan.bounds.has(session)) this.#planPurged(plan, session, bounds)
  }

  /** Nothing is left below the floor, so it may be forgotten; so may the generation of what is empty. */
  #planPurged(plan: Plan, session: string, { generation, floor }: Bounds): void {
    const isEmpty = !plan.heads.has(session) && this.head(session).sequence === 0
    if (!isEmpty && floor === 0) return
    this.#setBounds(plan, session, { generation: isEmpty ? 0 : generation, floor: 0 })
  }

  /** To be called when the plan's changes are durable. */
  applied(plan: Plan): void {
    for (const [session, bounds] of plan.bounds) {
      if (bounds.generation === 0 && bounds.floor === 0) this.#bounds.delete(session)
      else this.#bounds.set(session, bounds)
    }
    for (const [session, head] of plan.heads) {
      if (head.sequence === 0) this.#heads.delete(session)
      else this.#heads.set(session, head)
    }
  }
}

/** The bounds in a record of the table `streams`; undefined when it holds none. */
export function readBounds(value: unknown): Bounds | undefined {
  // A number alone is a generation, as it was written before there were floors.
  const [generation, floor] = Array.isArray(value) ? (value as unknown[]) : [value, 0]
  if (typeof generation !== 'number' || typeof floor !== 'number') return undefined
  return { generation, floor }
}
