/**
 * The broker's core without sockets: a virtual clock, seeded randomness, a journal in memory whose
 * commits the test decides, and everything that was sent, published and logged. `core-peers.ts` plays
 * the clients and hosts.
 */
import { type AccessPort, LOCAL_ACCESS } from '../../broker/core/access.ts'
import { CORE_LIMITS, Core, type CoreLimits, type CorePorts } from '../../broker/core/core.ts'
import { AUDIT } from '../../broker/core/events.ts'
import type { StoredChunk } from '../../broker/journal/journal.ts'
import type { Message } from '../../protocol/bundle.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import { MemoryJournal } from './memory-journal.ts'
import { seededRandom } from './virtual-clock.ts'

/** Wall clock at the start of a test. */
export const EPOCH_MS = 1_700_000_000_000

export interface HarnessOptions {
  /** `automatic`: each turn ends with everything on disk; `manual`: when the test calls `commit`. */
  readonly durability?: 'automatic' | 'manual'
  readonly limits?: Partial<CoreLimits>
  readonly seed?: number
  /** In place of the one that the seed makes. */
  readonly random?: CorePorts['random']
  readonly journal?: MemoryJournal
  readonly metrics?: CorePorts['metrics']
  readonly access?: Partial<AccessPort>
  /** By how much the wall clock is ahead. */
  readonly jumpedMs?: number
}

/** Who is at the other end of a connection. */
export interface Receiver {
  readonly connection: string
  receive(message: Message): void
  /** Answers what it received; false when it had nothing to say. */
  act(): boolean
}

export interface Published {
  readonly topic: string
  readonly message: Message
}

export class CoreHarness {
  readonly core: Core
  readonly journal: MemoryJournal
  readonly published: Published[] = []
  /** How many messages each bundle that was published had. */
  readonly bundles: number[] = []
  readonly logs: { readonly event: string; readonly fields: unknown }[] = []
  readonly #options: HarnessOptions
  readonly #receivers = new Map<string, Receiver>()
  #now = 0
  /** By how much the wall clock is ahead of where it would be. */
  #jumpedMs: number
  #connections = 0

  constructor(options: HarnessOptions = {}) {
    this.#options = options
    this.#jumpedMs = options.jumpedMs ?? 0
    this.journal = options.journal ?? new MemoryJournal({ durability: 'manual' })
    const random = seededRandom(options.seed ?? 1)
    this.core = new Core({
      clock: { now: () => this.#now, wall: () => EPOCH_MS + this.#now + this.#jumpedMs },
      random: options.random ?? ((size) => bytes(size, random)),
      journal: this.journal,
      limits: { ...CORE_LIMITS, ...options.limits },
      surroundings: {
        software: 'test',
        instance: 'instance',
        pid: 1,
        endpoint: 'ipc://broker',
        streams: 'ipc://streams',
        journalPath: '/journal',
        loopLagMs: () => 0,
        rssBytes: () => 1,
      },
      send: (connection, head, body) => this.#receivers.get(connection)?.receive({ head, body }),
      publish: (topic, messages) => {
        this.bundles.push(messages.length)
        for (const message of messages) this.published.push({ topic, message })
      },
      link: () => ({ silentMs: 0, evidence: undefined }),
      access: { ...LOCAL_ACCESS, ...options.access },
      connectionCount: () => this.#receivers.size,
      metrics: options.metrics ?? (async () => ({ content_type: 'text/plain', text: '' })),
      log: (event, fields) => this.logs.push({ event, fields }),
    })
    this.turn()
  }

  /** A connection id that was never used before. */
  newConnection(): string {
    this.#connections += 1
    return `c${this.#connections}`
  }

  join(receiver: Receiver): void {
    this.#receivers.set(receiver.connection, receiver)
    this.core.connectionBegan(receiver.connection)
  }

  leave(connection: string, reason = 'disconnected'): void {
    this.#receivers.delete(connection)
    this.core.connectionEnded(connection, reason)
    this.turn()
  }

  deliver(connection: string, identity: Identity, ...messages: Message[]): void {
    for (const message of messages) this.core.message(connection, identity, message)
    this.turn()
  }

  /** Lets time pass in steps of a tick. */
  advance(ms: number): void {
    const end = this.#now + ms
    while (this.#now < end) {
      this.#now = Math.min(end, this.#now + 50)
      this.core.tick()
      this.turn()
    }
  }

  /** Lets much time pass at once, with one tick at its end. */
  skip(ms: number): void {
    this.#now += ms
    this.core.tick()
    this.turn()
  }

  /** Somebody sets the wall clock forwards, or back. */
  jump(ms: number): void {
    this.#jumpedMs += ms
    this.core.tick()
    this.turn()
  }

  /** One commit, and what follows from it. */
  commit(): void {
    this.journal.commit()
    this.core.flush()
    this.#act()
  }

  /** Commits until nothing waits for the disk. */
  settle(): void {
    while (!this.core.batch.isIdle) this.commit()
  }

  /** Ends a turn of the broker, and with automatic durability all that follows from it. */
  turn(): void {
    this.core.flush()
    this.#act()
    if (this.#options.durability !== 'manual') this.settle()
  }

  #act(): void {
    for (const receiver of [...this.#receivers.values()]) if (receiver.act()) this.turn()
  }

  /** `kill -9` and a new broker on what was on disk. */
  restart(more: Pick<HarnessOptions, 'jumpedMs' | 'seed'> = {}): CoreHarness {
    return new CoreHarness({ ...this.#options, ...more, journal: this.journal.crash() })
  }

  /** Operations that were made durable, apart from records of the audit log. */
  get changes(): number {
    return this.journal.stats().operations - this.stored(AUDIT).length
  }

  /** Everything of a stream that is on disk. */
  stored(session: string): readonly StoredChunk[] {
    const range = { from: 1, to: 1_000_000, maxCount: 1_000_000, maxBytes: 1_000_000_000 }
    return this.journal.read(session, range).chunks
  }
}

function bytes(size: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
}
