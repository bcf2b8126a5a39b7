/** The Prometheus door: every path and every verb gives the figures of the doors, then those of the broker. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ProtocolError } from '../../../protocol/errors.ts'
import { bindError } from '../bind-error.ts'
import type { Door, DoorContext } from '../door.ts'
import { agentFigures } from './agent-figures.ts'

/** How long a scrape waits for the broker, ms; a scraper usually waits 10 s for all of it. */
const BROKER_MS = 3000
/** Scrapers at a time. */
const MAX_CONNECTIONS = 64

export function metricsDoor(context: DoorContext): Door {
  return new MetricsDoor(context)
}

class MetricsDoor implements Door {
  readonly name = 'metrics'
  readonly addresses: string[] = []
  readonly #context: DoorContext
  readonly #server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 })
  /** What the broker says is fetched once for all who ask meanwhile. */
  #broker: Promise<string> | undefined

  constructor(context: DoorContext) {
    this.#context = context
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.on('request', (request, response) => {
      request.resume() // whatever it brings is not looked at
      void this.#answer(response)
    })
  }

  async start(): Promise<void> {
    const { metrics_host: host, metrics_port: port } = this.#context.settings
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject).listen({ host, port }, resolve)
      })
    } catch (cause) {
      throw bindError(`http://${host}:${port}`, cause)
    }
    const { address, family, port: actual } = this.#server.address() as AddressInfo
    this.addresses.push(`http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`)
  }

  stop(): Promise<void> {
    if (!this.#server.listening) return Promise.resolve()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #answer(response: ServerResponse): Promise<void> {
    const type = { 'content-type': 'text/plain' }
    try {
      const broker = await this.#askBroker()
      response.writeHead(200, type).end(`${await this.#context.metrics.text()}\n${broker}`)
    } catch (error) {
      this.#context.log.error({ err: error }, 'metrics could not be written')
      response.writeHead(500, type).end('Failed to gather metrics')
    }
  }

  /** Empty when the broker does not answer: what the doors counted is told all the same. */
  #askBroker(): Promise<string> {
    this.#broker ??= this.#fetch()
      .catch((thrown: unknown) => {
        const { code, message } = ProtocolError.from(thrown, 'client')
        this.#context.log.warn({ code, reason: message }, 'no metrics from the broker')
        return ''
      })
      .finally(() => {
        this.#broker = undefined
      })
    return this.#broker
  }

  async #fetch(): Promise<string> {
    const { client, metrics } = this.#context
    const { text } = await client.call('system.metrics', {}, { deadlineMs: BROKER_MS })
    metrics.tellAgents(await agentFigures(client, text))
    return text
  }
}
