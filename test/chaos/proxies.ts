/** The driver's side of the process in which the proxies are. */
import { fileURLToPath } from 'node:url'
import { type PartProcess, startProgram } from './part-process.ts'
import { LINES, type Line, type Places, targetOf } from './places.ts'
import type { Done, LineOrder, ProxiesOptions, ProxyOrder } from './proxy-orders.ts'

const PROGRAM = fileURLToPath(new URL('./proxy-process.js', import.meta.url))

export interface ProxiesSettings {
  readonly dir: string
  readonly places: Places
  readonly onSurprise: (what: string) => void
}

export class Proxies {
  readonly #part: PartProcess
  readonly #waiting = new Map<number, () => void>()
  #orders = 0

  private constructor(part: PartProcess) {
    this.#part = part
    part.process.on('message', ({ done }: Done) => {
      this.#waiting.get(done)?.()
      this.#waiting.delete(done)
    })
  }

  /** Resolves when all of them listen. */
  static async start({ dir, places, onSurprise }: ProxiesSettings): Promise<Proxies> {
    const options = Object.fromEntries(
      LINES.map((line) => [line, { listen: places.lines[line], target: targetOf(places, line) }]),
    ) as ProxiesOptions
    const program = { name: 'proxies', program: PROGRAM, dir, options, onSurprise }
    return new Proxies(await startProgram(program))
  }

  /** Resolves when it is done. */
  async order(line: Line, order: ProxyOrder): Promise<void> {
    this.#orders += 1
    const id = this.#orders
    const isDone = new Promise<void>((resolve) => this.#waiting.set(id, resolve))
    const message: LineOrder = { id, line, order }
    this.#part.process.send(message)
    const ended = this.#part.exited.then((end) => {
      throw new Error(`the proxies ended with ${end}`)
    })
    await Promise.race([isDone, ended])
  }

  async end(): Promise<void> {
    await this.#part.end('SIGTERM')
  }
}
