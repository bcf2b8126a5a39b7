/**
 * A peer's connection to the broker: one DEALER, one writer, and the link that speaks on it. The socket is
 * a port, so that hosts, clients and a simulated network share everything above it.
 */
import type { Bundle } from '../bundle.ts'
import { EMPTY } from '../codec.ts'
import type { ProtocolError } from '../errors.ts'
import type { Credentials } from '../keys/peer-keys.ts'
import type { Role } from '../messages/handshake.ts'
import type { Head } from '../messages/index.ts'
import type { HealthEvidence } from './health.ts'
import { type LinkEvent, PEER_RETRY, PeerLink, SILENT_AFTER_MS } from './peer-link.ts'
import { Writer } from './writer.ts'

export interface DealerHandlers {
  receive(frames: readonly Uint8Array[]): void
  /** The connection broke; the socket dials again by itself. */
  disconnected(): void
  /** Something that explains why no connection comes about. */
  trouble(reason: string): void
  /** The broker refuses this key for good. */
  refused(error: ProtocolError): void
}

export interface DealerPort {
  /** Why the transport does not let this peer in, where it tells; its owner may wait or give up. */
  readonly problem?: ProtocolError | undefined
  /** Resolves when the socket has taken the bundle; waits while no broker is there. */
  send(bundle: Bundle): Promise<void>
  /** Nothing comes on the connection that there is, and nothing tells that it broke. */
  redial(): void
  close(): void
}

/** Opens a DEALER. Throws BAD_CONFIG for an endpoint that cannot be one. */
export type OpenDealer = (endpoint: string, handlers: DealerHandlers) => DealerPort

export interface PeerConnectionOptions {
  readonly endpoint: string
  readonly role: Role
  readonly principal: string
  readonly software: string
  readonly dealer: OpenDealer
  readonly now: () => number
  /** Gives [0, 1). */
  readonly random: () => number
  readonly health: () => HealthEvidence
  readonly onEvent: (event: LinkEvent) => void
  /** Who it is over a network. */
  readonly credentials?: Credentials | undefined
  /** Why whoever answers is not to be believed; asked at each WELCOME. */
  readonly distrust?: (() => ProtocolError | undefined) | undefined
}

/**
 * Greetings that nobody answers for this long may go nowhere, ms: something on the way that takes all that is sent is
 * no end to TCP. Longer than a broker ever stands still.
 */
export const REDIAL_AFTER_MS = 15_000

export class PeerConnection {
  readonly #options: PeerConnectionOptions
  readonly #link: PeerLink
  readonly #dealer: DealerPort
  readonly #writer: Writer
  #state: 'open' | 'closing' | 'closed' = 'open'
  #onFlushed: (() => void) | undefined
  #trouble: string | undefined
  /** When something last came, or was dialled. */
  #heardAt: number

  /** Opens the socket. Throws BAD_CONFIG for an endpoint that cannot be one. */
  constructor(options: PeerConnectionOptions) {
    this.#options = options
    const { now } = options
    this.#heardAt = now()
    this.#link = new PeerLink({
      ...options,
      silentAfterMs: SILENT_AFTER_MS,
      retry: PEER_RETRY,
      onEvent: (event) => this.#event(event),
      onReady: () => this.#writer.kick(),
    })
    this.#dealer = options.dealer(options.endpoint, {
      receive: (frames) => {
        this.#heardAt = now()
        this.#link.receive(frames, this.#heardAt)
      },
      disconnected: () => this.#link.disconnected(now()),
      refused: (error) => this.#link.refused(error),
      trouble: (reason) => {
        this.#trouble = reason
      },
    })
    this.#writer = new Writer({
      next: () => this.#next(),
      send: (bundle) => this.#dealer.send(bundle),
      failed: (error) => this.#failed(error),
    })
  }

  /** What was last heard that explains why there is no connection. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Why the transport does not let this peer in, where it tells. */
  get problem(): ProtocolError | undefined {
    return this.#dealer.problem
  }

  /** Begins the handshake. */
  start(): void {
    this.#link.start(this.#options.now())
  }

  tick(now: number): void {
    this.#link.tick(now)
    if (this.#link.state !== 'greeting' || now - this.#heardAt < REDIAL_AFTER_MS) return
    this.#heardAt = now
    this.#dealer.redial()
  }

  /** False when there is no connection, or so much waits that more has to wait elsewhere. */
  send(head: Head, body: Buffer = EMPTY): boolean {
    if (this.#state !== 'open' || this.#link.backlog.isFull) return false
    return this.#link.send(head, body)
  }

  /** Says GOODBYE if there is somebody to hear it, waiting at most until `patience` resolves. */
  async close(patience: () => Promise<void>): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    const flushed = new Promise<void>((resolve) => {
      this.#onFlushed = resolve
    })
    const isWelcome = this.#link.state === 'welcome'
    this.#link.close('the peer closed')
    if (isWelcome) await Promise.race([flushed, patience()])
    this.#state = 'closed'
    this.#dealer.close()
  }

  #next() {
    const bundle = this.#link.next()
    if (!bundle) this.#onFlushed?.()
    return bundle
  }

  #event(event: LinkEvent): void {
    if (event.type === 'complaint') this.#trouble = event.error.message
    this.#options.onEvent(event)
  }

  /** What was in the failed bundle is lost, so the link has to greet and its owner to send again. */
  #failed(error: unknown): void {
    if (this.#state !== 'open') return
    this.#trouble = `sending failed: ${error instanceof Error ? error.message : String(error)}`
    this.#link.disconnected(this.#options.now())
  }
}
