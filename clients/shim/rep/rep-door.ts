/** The door for REQ clients of the MessagePack agent protocol. Requests are served side by side. */

import { OneAtATime } from '../agents/one-at-a-time.ts'
import type { Door, DoorContext } from '../door.ts'
import { legacyPorts } from '../legacy/ports.ts'
import { LogFeed } from './log-feed.ts'
import { NO_LOGS } from './log-place.ts'
import { RepSocket, type RequestFrames } from './rep-socket.ts'
import { RepService } from './service.ts'

/** Requests under way; more wait in libzmq, each with its client. */
export const MAX_IN_FLIGHT = 256
/** Bytes of requests under way. */
export const MAX_IN_FLIGHT_BYTES = 67_108_864

export function repDoor(context: DoorContext): Door {
  return new RepDoor(context)
}

class RepDoor implements Door {
  readonly name = 'rep'
  readonly addresses: string[] = []
  readonly #context: DoorContext
  readonly #socket = new RepSocket()
  readonly #service: RepService
  readonly #logs: LogFeed | undefined
  readonly #flights = new Set<Promise<void>>()
  #bytes = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(context: DoorContext) {
    const { client, settings, wall, uuid } = context
    this.#context = context
    this.#logs = settings.rep_log ? new LogFeed(context) : undefined
    this.#service = new RepService({
      client,
      wall,
      serverId: `server-${uuid()}`,
      endpoint: () => this.addresses[0] ?? '',
      maxAgents: settings.rep_max_agents,
      legacy: legacyPorts(context),
      logs: this.#logs ?? NO_LOGS,
      readers: new OneAtATime(),
    })
  }

  async start(): Promise<void> {
    const { rep_host, rep_port } = this.#context.settings
    this.#socket.watch(() => this.#context.metrics.connected())
    this.addresses.push(await this.#socket.bind(rep_host, rep_port))
    if (this.#logs) this.addresses.push(await this.#logs.start())
    this.#loop = this.#serve()
  }

  async stop(): Promise<void> {
    this.#socket.close()
    await this.#logs?.stop()
    await this.#loop
    await Promise.all(this.#flights)
  }

  async #serve(): Promise<void> {
    try {
      for await (const request of this.#socket.requests()) {
        this.#begin(request)
        while (this.#isFull) await Promise.race(this.#flights)
      }
    } catch (error) {
      this.#context.log.error({ err: error }, 'the socket failed')
    }
  }

  get #isFull(): boolean {
    return this.#flights.size >= MAX_IN_FLIGHT || this.#bytes >= MAX_IN_FLIGHT_BYTES
  }

  #begin(request: RequestFrames): void {
    const { length } = request.body
    this.#bytes += length
    const flight = this.#answer(request)
      // One request that nobody foresaw must not end the others; its client asks again when it has waited.
      .catch((err: unknown) => this.#context.log.error({ err }, 'a request has no answer'))
      .finally(() => {
        this.#flights.delete(flight)
        this.#bytes -= length
      })
    this.#flights.add(flight)
  }

  async #answer(request: RequestFrames): Promise<void> {
    const { metrics, now } = this.#context
    const startedAt = now()
    const { body, isError } = await this.#service.answer(request.body)
    metrics.answered(now() - startedAt, isError)
    await this.#socket.reply(request, body)
  }
}
