/** A peer that speaks frames: it can shake hands as others do, and then sends what no SDK would. */
import { Dealer, XSubscriber } from 'zeromq'
import { type Bundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import { EMPTY, encode } from '../../protocol/codec.ts'
import { credentialsOf, curveOptions, type PeerKeys } from '../../protocol/keys/peer-keys.ts'
import { PEER_RETRY, PeerLink, SILENT_AFTER_MS } from '../../protocol/link/peer-link.ts'
import type { Role } from '../../protocol/messages/handshake.ts'

export interface RawPeerOptions {
  readonly endpoint: string
  /** Absent: a user of this machine. */
  readonly keys?: PeerKeys | undefined
  readonly role?: Role
}

const ALIKE = {
  linger: 0,
  immediate: true,
  reconnectInterval: 50,
  handshakeInterval: 5000,
} as const

export class RawPeer {
  readonly socket: Dealer
  readonly link: PeerLink
  /** What came since it was welcome. */
  readonly received: Message[] = []
  /** Codes of ERROR and GOODBYE that are about the connection. */
  readonly complaints: string[] = []
  #welcomed: () => void = () => undefined
  readonly welcome = new Promise<void>((resolve) => {
    this.#welcomed = resolve
  })
  #onMessage: (message: Message) => void = (message) => this.received.push(message)
  #onFrames: (frames: readonly Buffer[]) => void = () => undefined

  constructor({ endpoint, keys, role = 'operator' }: RawPeerOptions) {
    this.socket = new Dealer({ ...ALIKE, sendHighWaterMark: 64, ...curveOptions(keys) })
    this.link = new PeerLink({
      role,
      principal: keys ? '' : 'local',
      software: 'raw',
      silentAfterMs: SILENT_AFTER_MS,
      retry: PEER_RETRY,
      random: Math.random,
      credentials: keys && credentialsOf(keys),
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
      onEvent: (event) => {
        if (event.type === 'welcomed') this.#welcomed()
        if (event.type === 'message') this.#onMessage(event.message)
        if (event.type === 'complaint' || event.type === 'refused') {
          this.complaints.push(event.error.code)
        }
        if (event.type === 'lost') this.complaints.push(event.reason)
      },
      onReady: () => {},
    })
    this.socket.connect(endpoint)
  }

  onMessage(listener: (message: Message) => void): void {
    this.#onMessage = listener
  }

  /** Hears all that comes, before the link does. */
  onFrames(listener: (frames: readonly Buffer[]) => void): void {
    this.#onFrames = listener
  }

  /** Shakes hands, and from then on answers heartbeats when `read` is called. */
  async greet(): Promise<void> {
    this.link.start(performance.now())
    await this.flush()
    void this.read()
    await this.welcome
  }

  /** Reads until the socket is closed. */
  async read(): Promise<void> {
    try {
      for await (const frames of this.socket) {
        this.#onFrames(frames)
        this.link.receive(frames, performance.now())
        await this.flush()
      }
    } catch {
      // closed
    }
  }

  /** Sends what the link has to say. */
  async flush(): Promise<void> {
    for (let bundle = this.link.next(); bundle; bundle = this.link.next()) await this.send(bundle)
  }

  async send({ heads, bodies }: Bundle): Promise<void> {
    await this.frames([heads, bodies])
  }

  async frames(frames: readonly Buffer[]): Promise<void> {
    try {
      await this.socket.send([...frames])
    } catch (error) {
      // Somebody else of this peer sends: the next turn is soon enough.
      if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error
      await new Promise((resolve) => setImmediate(resolve))
      await this.frames(frames)
    }
  }

  close(): void {
    this.socket.close()
  }
}

/** An XSUB that sends any frame. */
export function rawSubscriber({ endpoint, keys }: RawPeerOptions): XSubscriber {
  const socket = new XSubscriber({ ...ALIKE, sendHighWaterMark: 0, ...curveOptions(keys) })
  socket.connect(endpoint)
  return socket
}

let lastId = 0

/** One bundle of requests. */
export function requests(count: number, method: string, params: () => unknown, key = ''): Bundle {
  return encodeBundle(
    Array.from({ length: count }, () => {
      lastId += 1
      const id = lastId.toString(36)
      const head = { kind: 'REQUEST', id, method, target: '', remaining_ms: 30_000 } as const
      const keyed = key === '' ? '' : `${key}${id}`
      return { head: { ...head, key: keyed, trace: '' }, body: encode(params()) }
    }),
  )
}

export const hello = (key: string, role: Role = 'operator'): Bundle =>
  encodeBundle([
    {
      head: { kind: 'HELLO' },
      body: encode({
        ...{ major: 1, minor: 0, features: [], role, principal: '', software: 'raw', key },
      }),
    },
  ])

export const noBody = EMPTY
