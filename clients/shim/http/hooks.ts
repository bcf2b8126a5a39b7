/** What other doors put into the HTTP door: routes of their own, and connections that upgrade. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'

export type AddRoutes = (app: FastifyInstance) => void

/** Takes the connection and answers true, or leaves it to the next one. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean

export class HttpHooks {
  readonly routes: AddRoutes[] = []
  readonly upgrades: Upgrade[] = []
  readonly #closers: (() => void)[] = []

  /** Routes that go before the JSON-RPC of any other path. */
  addRoutes(add: AddRoutes): void {
    this.routes.push(add)
  }

  addUpgrade(upgrade: Upgrade): void {
    this.upgrades.push(upgrade)
  }

  /** Called when the HTTP door closes, before it waits for its connections to end. */
  onClose(run: () => void): void {
    this.#closers.push(run)
  }

  close(): void {
    for (const run of this.#closers.splice(0)) run()
  }
}
