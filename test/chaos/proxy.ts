/** Stands between two ends of a connection and does to it what networks do. Knows nothing of ZeroMQ. */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import type { Place } from './places.ts'

export interface ProxyOptions {
  readonly listen: Place
  readonly target: Place
}

/**
 * pass: as if it were not there. hold: connections stay open and carry nothing. refuse: new connections
 * end at once. A held connection goes on when it is let pass again, as after a lost route.
 */
export type Mode = 'pass' | 'hold' | 'refuse'

class Pair {
  readonly near: Socket
  readonly far: Socket
  /** An end that was left open on purpose when the other one was destroyed. */
  isHalf = false

  constructor(near: Socket, far: Socket) {
    this.near = near
    this.far = far
  }

  destroy(): void {
    this.near.destroy()
    this.far.destroy()
  }
}

export class FaultyProxy {
  readonly #options: ProxyOptions
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #mode: Mode = 'pass'
  #delayMs = 0

  private constructor(options: ProxyOptions) {
    this.#options = options
    const settings = { pauseOnConnect: true, noDelay: true }
    this.#server = createServer(settings, (near) => this.#accept(near))
  }

  static async start(options: ProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options)
    proxy.#server.listen(addressOf(options.listen))
    await once(proxy.#server, 'listening')
    return proxy
  }

  get connections(): number {
    return this.#pairs.size
  }

  /** Lets everything pass again; half-open connections end now. */
  heal(): void {
    for (const pair of this.#pairs) if (pair.isHalf) pair.destroy()
    this.#delayMs = 0
    this.become('pass')
  }

  become(mode: Mode): void {
    this.#mode = mode
    for (const { near, far } of this.#pairs) {
      for (const end of [near, far]) {
        if (mode === 'hold') end.pause()
        else end.resume()
      }
    }
  }

  /** What arrives from now on is passed on later, in order. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Ends every connection on both sides. */
  cut(): void {
    for (const pair of this.#pairs) pair.destroy()
  }

  /** The far side sees every connection end; the near side sees silence until `heal`. */
  halfOpen(): void {
    for (const pair of this.#pairs) {
      pair.isHalf = true
      pair.far.destroy()
    }
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
    if (typeof this.#options.listen === 'string') rmSync(this.#options.listen, { force: true })
  }

  #accept(near: Socket): void {
    if (this.#mode === 'refuse') {
      near.on('error', ignore).destroy()
      return
    }
    const pair = new Pair(near, connect(addressOf(this.#options.target)))
    this.#pairs.add(pair)
    this.#join(pair, near, pair.far)
    this.#join(pair, pair.far, near)
    if (this.#mode === 'pass') near.resume()
    else pair.far.pause()
  }

  #join(pair: Pair, from: Socket, to: Socket): void {
    from.on('error', ignore) // the close that follows is what counts
    from.on('data', (data) => this.#forward(from, to, data))
    from.on('drain', () => this.#mode !== 'hold' && to.resume())
    from.on('close', () => {
      if (pair.isHalf && from === pair.far) return
      pair.destroy()
      this.#pairs.delete(pair)
    })
  }

  #forward(from: Socket, to: Socket, data: Buffer): void {
    const send = () => {
      if (!to.destroyed && !to.write(data)) from.pause()
    }
    // Timers of one length fire in the order in which they were set.
    if (this.#delayMs > 0) setTimeout(send, this.#delayMs)
    else send()
  }
}

function addressOf(place: Place): NetConnectOpts {
  if (typeof place === 'string') return { path: place }
  return { port: place, host: '127.0.0.1', noDelay: true }
}

function ignore(): void {}
