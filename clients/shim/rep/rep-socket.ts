/** The ROUTER of the agent protocol. Knows frames and nothing of what is in them. */
import { Router } from 'zeromq'
import { bindTcp } from '../bind-tcp.ts'

/** Bytes of one message, as the old protocol has it; libzmq cuts off who sends more. */
export const MAX_MESSAGE_BYTES = 10_485_760
/** Messages that wait in libzmq for each peer; a REQ client has one under way. */
const WAITING_PER_PEER = 16

/** What proxies put before a request: a frame each, of an id of at most 255 bytes. */
const MAX_ENVELOPE_FRAMES = 8
const MAX_ENVELOPE_BYTES = 2048

export interface RequestFrames {
  /** Goes back in front of the reply: the peer, and what it put before its empty frame. */
  readonly envelope: readonly Buffer[]
  readonly body: Buffer
}

export class RepSocket {
  readonly #socket = new Router({
    maxMessageSize: MAX_MESSAGE_BYTES,
    receiveHighWaterMark: WAITING_PER_PEER,
    sendHighWaterMark: WAITING_PER_PEER,
    sendTimeout: 0, // who does not read its replies loses them, and nobody waits for it
    mandatory: false,
    linger: 0,
    heartbeatInterval: 10_000,
    heartbeatTimeout: 30_000,
    handshakeInterval: 5000,
  })
  // zeromq.js refuses a second send while one is under way.
  #sent: Promise<void> = Promise.resolve()

  /** Resolves with the endpoint, its port included. Rejects with IN_USE or BAD_CONFIG. */
  bind(host: string, port: number): Promise<string> {
    return bindTcp(this.#socket, host, port)
  }

  /** Calls `opened` for each client that comes, and its result when that client is gone. */
  watch(opened: () => () => void): void {
    const open = new Map<string, (() => void)[]>()
    this.#socket.events.on('accept', ({ address }) => {
      open.set(address, [...(open.get(address) ?? []), opened()])
    })
    this.#socket.events.on('disconnect', ({ address }) => open.get(address)?.pop()?.())
  }

  async *requests(): AsyncGenerator<RequestFrames, void> {
    for await (const frames of this.#socket) {
      const request = split(frames)
      if (request) yield request
    }
  }

  /** A reply to somebody who is gone is dropped. */
  reply({ envelope }: RequestFrames, body: Buffer): Promise<void> {
    const send = (): Promise<void> => this.#socket.send([...envelope, body])
    this.#sent = this.#sent.then(send).catch(() => undefined)
    return this.#sent
  }

  close(): void {
    this.#socket.close()
  }
}

/**
 * The frame behind the first empty one; those behind it are not looked at. Without an empty one, the first.
 * Undefined when what comes before is no envelope: it would be sent back, and held until then.
 */
export function split([peer, ...frames]: readonly Buffer[]): RequestFrames | undefined {
  if (peer === undefined) return undefined
  const at = frames.findIndex(({ length }) => length === 0)
  const body = frames[at + 1] ?? EMPTY
  const before = frames.slice(0, at + 1)
  const bytes = before.reduce((sum, { length }) => sum + length, 0)
  if (before.length > MAX_ENVELOPE_FRAMES || bytes > MAX_ENVELOPE_BYTES) return undefined
  return { envelope: [peer, ...before], body }
}

const EMPTY = Buffer.alloc(0)
