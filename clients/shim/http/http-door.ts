/** The HTTP door: JSON-RPC on every path, and whatever other doors put into it. */
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { bindError } from '../bind-error.ts'
import type { Door, DoorContext } from '../door.ts'

export function httpDoor(context: DoorContext): Door {
  return new HttpDoor(context)
}

class HttpDoor implements Door {
  readonly name = 'http'
  readonly #context: DoorContext
  readonly #apps: FastifyInstance[] = []
  readonly #addresses: string[] = []

  constructor(context: DoorContext) {
    this.#context = context
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  async start(): Promise<void> {
    const { http_port, http_alias_port } = this.#context.settings
    await this.#listen(http_port)
    if (http_alias_port !== undefined) await this.#listen(http_alias_port)
  }

  async #listen(port: number): Promise<void> {
    const { http_host: host } = this.#context.settings
    const app = this.#app()
    this.#apps.push(app)
    try {
      await app.listen({ host, port })
    } catch (cause) {
      throw bindError(`http://${host}:${port}`, cause)
    }
    const { address, port: actual, family } = app.server.address() as AddressInfo
    this.#addresses.push(`http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`)
  }

  #app(): FastifyInstance {
    const { settings, http } = this.#context
    const app = Fastify({ bodyLimit: settings.http_body_bytes })
    for (const add of http.routes) add(app)
    return app
  }

  async stop(): Promise<void> {
    for (const app of this.#apps) await app.close()
  }
}
