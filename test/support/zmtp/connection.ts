/** One TCP or Unix connection on which a test speaks ZMTP by hand. Knows frames, and no mechanism. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Frame, FrameReader, GREETING_BYTES, greeting } from './wire.ts'

/** Who waits for longer than this for what must come waits for nothing, ms. */
export const PATIENCE_MS = 10_000

export class ZmtpConnection {
  readonly socket: Socket
  readonly #frames = new FrameReader()
  #greeting: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => {}
  /** All that the other side has sent, as it came. */
  readonly received: Buffer[] = []
  /** All that was written. */
  readonly sent: Buffer[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes) => this.#data(bytes))
    socket.on('error', () => undefined) // a reset is an end as well
    socket.on('close', () => this.#closed())
    socket.on('end', () => this.#closed())
  }

  /** To an endpoint of ZeroMQ. */
  static async open(endpoint: string): Promise<ZmtpConnection> {
    const [, host = '', port = ''] = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint) ?? []
    const path = endpoint.replace(/^ipc:\/\//, '')
    const socket = connect(port === '' ? { path } : { host, port: Number(port) })
    const connection = new ZmtpConnection(socket)
    await once(socket, 'connect')
    return connection
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(bytes: Uint8Array): void {
    this.sent.push(Buffer.from(bytes))
    if (!this.socket.destroyed) this.socket.write(bytes)
  }

  /** Sends a greeting and waits for the other one; undefined when the other side hangs up. */
  async greet(mechanism: string, version?: readonly [number, number]): Promise<Buffer | undefined> {
    this.write(greeting(mechanism, version))
    await this.#until(() => this.#isClosed || this.#greeting.length === GREETING_BYTES)
    return this.#greeting.length === GREETING_BYTES ? this.#greeting : undefined
  }

  /** The next frame; undefined when the other side has hung up. Throws after too long. */
  async read(): Promise<Frame | undefined> {
    let frame = this.#frames.next()
    while (!frame && !this.#isClosed) {
      await this.#until(() => {
        frame ??= this.#frames.next() // bytes may come twice before anybody looks
        return frame !== undefined || this.#isClosed
      })
    }
    return frame
  }

  /** Resolves when the other side has hung up. Throws after too long. */
  async closed(): Promise<void> {
    await this.#until(() => this.#isClosed)
  }

  close(): void {
    this.socket.destroy()
  }

  async #until(holds: () => boolean): Promise<void> {
    if (holds()) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the other side is silent')), PATIENCE_MS)
      this.#wake = () => {
        if (holds()) resolve()
      }
    }).finally(() => clearTimeout(timer))
  }

  #data(bytes: Buffer): void {
    this.received.push(bytes)
    const missing = GREETING_BYTES - this.#greeting.length
    this.#greeting = Buffer.concat([this.#greeting, bytes.subarray(0, missing)])
    if (bytes.length > missing) this.#frames.push(bytes.subarray(missing))
    this.#wake()
  }

  #closed(): void {
    this.#isClosed = true
    this.#wake()
  }
}
