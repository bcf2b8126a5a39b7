/** The demo agent's stdout: one JSON message a line, never faster than the reader takes them. */
import { once } from 'node:events'

/** After so many messages without a wait, stdin gets its turn: an interrupt must be seen. */
const BURST = 64

export class Output {
  #burst = 0

  /** Resolves when more may be written. */
  send(message: object): Promise<void> {
    return this.raw(`${JSON.stringify(message)}\n`)
  }

  async raw(bytes: string | Uint8Array): Promise<void> {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
    this.#burst = (this.#burst + 1) % BURST
    if (this.#burst === 0) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Writes, and resolves when the bytes have left this process. */
  flush(bytes: string): Promise<void> {
    return new Promise((resolve) => {
      process.stdout.write(bytes, () => resolve())
    })
  }
}
