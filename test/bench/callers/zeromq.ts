/** Requests on a plain DEALER, one message each: [id, body] there, [id, body] back. */
import { Dealer } from 'zeromq'
import type { RawPlace } from '../transports.ts'
import { BODY_BYTES, type Caller } from './caller.ts'

export function zeromqCaller(place: Pick<RawPlace, 'endpoint' | 'client'>): Caller {
  const requests = new Requests(place)
  const body = Buffer.alloc(BODY_BYTES, 'x')
  return { call: () => requests.call(body) }
}

class Requests {
  readonly #socket: Dealer
  readonly #pending = new Map<number, (body: Buffer) => void>()
  #queue: (readonly [id: Buffer, body: Buffer])[] = []
  #isWriting = false
  #ids = 0

  constructor({ endpoint, client }: Pick<RawPlace, 'endpoint' | 'client'>) {
    this.#socket = new Dealer({ linger: 0, ...client })
    this.#socket.connect(endpoint)
    void this.#read()
  }

  call(body: Buffer): Promise<Buffer> {
    this.#ids += 1
    const id = Buffer.allocUnsafe(4)
    id.writeUInt32LE(this.#ids)
    const reply = new Promise<Buffer>((resolve) => this.#pending.set(this.#ids, resolve))
    this.#queue.push([id, body])
    if (!this.#isWriting) void this.#write()
    return reply
  }

  /** zeromq.js refuses a second send while one waits. */
  async #write(): Promise<void> {
    this.#isWriting = true
    while (this.#queue.length > 0) {
      const queue = this.#queue
      this.#queue = []
      for (const [id, body] of queue) await this.#socket.send([id, body])
    }
    this.#isWriting = false
  }

  async #read(): Promise<void> {
    for await (const [id, body] of this.#socket) {
      if (!id || !body) continue
      const number = id.readUInt32LE()
      this.#pending.get(number)?.(body)
      this.#pending.delete(number)
    }
  }
}
