/** What agents write, published line by line for as long as somebody subscribes to the agent. */
import { Packr } from 'msgpackr'
import { ProtocolError } from '../../../protocol/errors.ts'
import { findAgent } from '../agents/agent.ts'
import { type Line, LineAssembler } from '../attach/output-lines.ts'
import type { DoorContext } from '../door.ts'
import type { LogPlace } from './log-place.ts'
import { LogSocket } from './log-socket.ts'
import { type Json, time, uuid } from './wire-types.ts'

/** Agents whose log is published at a time. */
export const MAX_LOGS = 256
const AGENT = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/

const packr = new Packr({ useRecords: false, variableMapSize: true, moreTypes: false })

export class LogFeed implements LogPlace {
  readonly #context: DoorContext
  readonly #socket = new LogSocket()
  /** Ends what is published of an agent. */
  readonly #open = new Map<string, AbortController>()
  #endpoint = ''
  #watch: Promise<void> = Promise.resolve()

  constructor(context: DoorContext) {
    this.#context = context
  }

  /** Resolves with the endpoint. Rejects with IN_USE or BAD_CONFIG. */
  async start(): Promise<string> {
    const { rep_host, rep_log_port } = this.#context.settings
    this.#endpoint = await this.#socket.bind(rep_host, rep_log_port)
    this.#watch = this.#socket.watch((prefix, isWanted) => this.#changed(prefix, isWanted))
    return this.#endpoint
  }

  async stop(): Promise<void> {
    for (const open of this.#open.values()) open.abort()
    this.#socket.close()
    await this.#watch
  }

  where(agent: string): Json {
    return {
      pub_endpoint: this.#endpoint.replace('//0.0.0.0:', '//127.0.0.1:'),
      topic: agent,
      enabled: true,
      instructions:
        'Subscribe to the topic at the endpoint; what is written from then on is published',
    }
  }

  #changed(prefix: string, isWanted: boolean): void {
    const [agent] = AGENT.exec(prefix) ?? []
    if (agent === undefined) return // only whole ids: nobody listens to everyone by accident
    if (!isWanted) this.#end(agent)
    else if (!this.#open.has(agent) && this.#open.size < MAX_LOGS) void this.#publish(agent)
  }

  async #publish(agent: string): Promise<void> {
    const { client, log } = this.#context
    const ending = new AbortController()
    const { signal } = ending
    this.#open.set(agent, ending)
    try {
      const info = await findAgent(client, agent)
      if (!info) return
      const lines = new LineAssembler()
      const sequences = { stdout: 0, stderr: 0 }
      for await (const item of client.follow(agent, { from: info.head + 1, signal })) {
        for (const line of lines.take(item)) {
          await this.#socket.publish(logFrame(agent, line, sequences[line.stream]))
          sequences[line.stream] += 1
        }
      }
    } catch (thrown) {
      const { code, message } = ProtocolError.from(thrown, 'client')
      if (!signal.aborted) log.warn({ agent, code, reason: message }, 'log no longer published')
    } finally {
      if (this.#open.get(agent) === ending) this.#open.delete(agent)
    }
  }

  /** Somebody may come again before the old one has ended. */
  #end(agent: string): void {
    this.#open.get(agent)?.abort()
    this.#open.delete(agent)
  }
}

/** The id as text, a zero, and `["log_stream", id, stream, bytes, time, sequence]`. */
export function logFrame(agent: string, line: Line, sequence: number): Buffer {
  const bytes = [...Buffer.from(line.text)]
  const body = [uuid.write(agent), line.stream, bytes, time.write(line.time), sequence]
  return Buffer.concat([Buffer.from(`${agent}\0`), packr.pack(['log_stream', ...body])])
}
