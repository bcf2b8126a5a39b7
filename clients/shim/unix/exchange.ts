/** One connection of the Unix socket: one line comes, one reply goes, and it is over. */
import type { Socket } from 'node:net'
import { COUNTED_BYTES } from '../held-bytes.ts'

export interface ExchangeLimits {
  readonly lineBytes: number
  /** For the whole line to arrive, and for the reply to be taken, ms. */
  readonly idleMs: number
}

export interface ExchangeEvents {
  /** Resolves with the reply; undefined: none. */
  readonly answer: (line: string) => Promise<string | undefined>
  readonly tooLong: () => string
  /** Waits; rejects when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** Bytes are in memory until the returned function is called, or until `cut` was. */
  readonly hold: (bytes: number, cut: () => void) => () => void
}

const NEWLINE = 0x0a

/** Resolves when the connection is closed. Never rejects. */
export function exchange(
  socket: Socket,
  limits: ExchangeLimits,
  events: ExchangeEvents,
): Promise<void> {
  return new Promise((resolve) => {
    new Exchange(socket, limits, events).begin()
    socket.once('close', () => resolve())
  })
}

class Exchange {
  readonly #socket: Socket
  readonly #limits: ExchangeLimits
  readonly #events: ExchangeEvents
  readonly #parts: Buffer[] = []
  #bytes = 0
  #isTaken = false
  readonly #isArriving = new AbortController()
  /** Lets go of what is held for it. */
  #release: (() => void) | undefined

  constructor(socket: Socket, limits: ExchangeLimits, events: ExchangeEvents) {
    this.#socket = socket
    this.#limits = limits
    this.#events = events
  }

  begin(): void {
    const socket = this.#socket
    socket.on('error', () => socket.destroy()) // it went away: nobody is left to be told
    void this.#expireLine()
    socket.on('data', (data) => this.#data(data))
    socket.on('end', () => this.#end())
    socket.once('close', () => {
      this.#isArriving.abort()
      this.#release?.()
    })
  }

  /** The time is for all of the line: who sends a byte now and then gets no more of it. */
  async #expireLine(): Promise<void> {
    const { signal } = this.#isArriving
    const isLate = await this.#events.pause(this.#limits.idleMs, signal).then(
      () => true,
      () => false,
    )
    if (isLate) this.#socket.destroy()
  }

  #hold(bytes: number): void {
    this.#release?.()
    this.#release = this.#events.hold(bytes, () => this.#socket.destroy())
  }

  #data(data: Buffer): void {
    if (this.#isTaken) return // what follows the first line is nobody's
    const newline = data.indexOf(NEWLINE)
    const part = newline === -1 ? data : data.subarray(0, newline)
    this.#bytes += part.length
    if (this.#bytes > this.#limits.lineBytes) {
      this.#isTaken = true
      this.#isArriving.abort()
      this.#reply(this.#events.tooLong())
      return
    }
    if (this.#release === undefined && this.#bytes > COUNTED_BYTES)
      this.#hold(this.#limits.lineBytes)
    this.#parts.push(part)
    if (newline !== -1) this.#take()
  }

  #end(): void {
    if (this.#isTaken) return
    if (this.#bytes === 0) this.#socket.destroy()
    else this.#take()
  }

  #take(): void {
    this.#isTaken = true
    this.#isArriving.abort()
    if (this.#release) this.#hold(this.#bytes)
    const line = decoded(Buffer.concat(this.#parts))
    if (line === undefined) {
      this.#socket.destroy()
      return
    }
    this.#events.answer(line).then(
      (reply) => this.#reply(reply),
      () => this.#socket.destroy(),
    )
  }

  #reply(text: string | undefined): void {
    const socket = this.#socket
    if (socket.destroyed) return
    socket.setTimeout(this.#limits.idleMs, () => socket.destroy())
    const close = (): void => {
      socket.destroySoon()
    }
    this.#hold(text?.length ?? 0)
    if (text === undefined) socket.end(close)
    else socket.end(`${text}\n`, close)
  }
}

/** Undefined for what is no UTF-8. */
function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
