/** The HTTP door: JSON-RPC on every path, and whatever other doors put into it. */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { actorFor } from '../actor-for.ts'
import { openAlias } from '../alias.ts'
import { bindError } from '../bind-error.ts'
import type { Door, DoorContext } from '../door.ts'
import { HeldBytes } from '../held-bytes.ts'
import { legacyPorts } from '../legacy/ports.ts'
import { Auth } from './auth.ts'
import { httpDispatch } from './dispatch.ts'
import { HttpRpc } from './rpc.ts'
import { type HttpLoad, makeServer } from './server.ts'
import { Users } from './users.ts'

export function httpDoor(context: DoorContext): Door {
  return new HttpDoor(context)
}

class HttpDoor implements Door {
  readonly name = 'http'
  readonly #context: DoorContext
  readonly #apps: FastifyInstance[] = []
  readonly #addresses: string[] = []
  readonly #load: HttpLoad

  constructor(context: DoorContext) {
    this.#context = context
    const held = new HeldBytes(context.settings.http_held_bytes)
    this.#load = { connections: 0, inFlight: 0, held }
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  async start(): Promise<void> {
    const { settings, wall, attach, metrics, now } = this.#context
    const legacy = legacyPorts(this.#context)
    const connections = () => this.#load.connections
    const users = new Users((user) => {
      const client = actorFor(this.#context.client, user)
      return httpDispatch({ legacy: { ...legacy, client }, desk: attach, connections })
    })
    const rpc = new HttpRpc({
      dispatchFor: (user) => users.of(user),
      auth: new Auth(settings, wall),
      maxBatch: settings.batch_size,
      now,
      answered: (durationMs, isError) => metrics.answered(durationMs, isError),
    })
    await this.#listen(settings.http_port, rpc)
    const { http_alias_port } = settings
    if (http_alias_port === undefined) return
    await openAlias(this.#context, () => this.#listen(http_alias_port, rpc))
  }

  async #listen(port: number, rpc: HttpRpc): Promise<void> {
    const { http_host: host } = this.#context.settings
    const app = makeServer(this.#context, rpc, this.#load)
    this.#apps.push(app)
    try {
      await app.listen({ host, port })
    } catch (cause) {
      throw bindError(`http://${host}:${port}`, cause)
    }
    const { address, port: actual, family } = app.server.address() as AddressInfo
    this.#addresses.push(`http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`)
  }

  async stop(): Promise<void> {
    this.#context.http.close()
    await Promise.all(this.#apps.map((app) => this.#end(app)))
  }

  /** Requests under way are answered, but nobody waits for ever for one who does not read. */
  async #end(app: FastifyInstance): Promise<void> {
    const ended = new AbortController()
    const closed = app.close().finally(() => ended.abort())
    const { http_drain_ms } = this.#context.settings
    await Promise.race([
      closed,
      this.#context.pause(http_drain_ms, ended.signal).catch(() => undefined),
    ])
    app.server.closeAllConnections()
    await closed
  }
}
