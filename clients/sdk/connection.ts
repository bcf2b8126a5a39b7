/** The connection to the broker: one DEALER, one writer, and the link that speaks on it. */
import { EMPTY } from '../../protocol/codec.ts'
import type { HealthEvidence } from '../../protocol/link/health.ts'
import {
  type LinkEvent,
  PEER_RETRY,
  PeerLink,
  SILENT_AFTER_MS,
} from '../../protocol/link/peer-link.ts'
import { Writer } from '../../protocol/link/writer.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { Head } from '../../protocol/messages/index.ts'
import type { DealerPort, Transport } from './transport.ts'

export interface ConnectionOptions {
  readonly endpoint: string
  readonly role: Role
  readonly principal: string
  readonly software: string
  readonly transport: Pick<Transport, 'dealer'>
  readonly now: () => number
  /** Gives [0, 1). */
  readonly random: () => number
  readonly health: () => HealthEvidence
  readonly onEvent: (event: LinkEvent) => void
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #link: PeerLink
  readonly #dealer: DealerPort
  readonly #writer: Writer
  #state: 'open' | 'closing' | 'closed' = 'open'
  #onFlushed: (() => void) | undefined
  #trouble: string | undefined

  /** Opens the socket. Throws BAD_CONFIG for an endpoint that cannot be one. */
  constructor(options: ConnectionOptions) {
    this.#options = options
    const { now } = options
    this.#link = new PeerLink({
      ...options,
      silentAfterMs: SILENT_AFTER_MS,
      retry: PEER_RETRY,
      onEvent: (event) => this.#event(event),
      onReady: () => this.#writer.kick(),
    })
    this.#dealer = options.transport.dealer(options.endpoint, {
      receive: (frames) => this.#link.receive(frames, now()),
      disconnected: () => this.#link.disconnected(now()),
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

  /** Begins the handshake. */
  start(): void {
    this.#link.start(this.#options.now())
  }

  tick(now: number): void {
    this.#link.tick(now)
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
    this.#link.close('the client closed')
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
