/** One client at one agent: its past output, its live output, and what the client writes. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Actor, Follow, SessionInfo } from '../../sdk/index.ts'
import { agentInfo } from '../agents/agent.ts'
import { writeInput } from '../agents/input.ts'
import type { FrameLink } from './frame-link.ts'
import { BadFrame, type Frame } from './frames.ts'
import { accepted } from './handshake.ts'
import { History, MAX_HISTORY_LINES } from './history.ts'
import { type Line, LineAssembler } from './output-lines.ts'
import { StdinLines } from './stdin-lines.ts'

export const PING_MS = 30_000

export interface AttachmentPorts {
  readonly client: Actor
  readonly wall: () => number
  readonly every: (ms: number, run: () => void) => () => void
}

export class Attachment {
  readonly #ports: AttachmentPorts
  readonly #link: FrameLink
  readonly #agent: SessionInfo
  readonly #follow: Follow
  readonly #lines = new LineAssembler()
  readonly #stdin = new StdinLines()
  readonly #stop = new AbortController()
  #seq = 0

  constructor(ports: AttachmentPorts, link: FrameLink, agent: SessionInfo) {
    this.#ports = ports
    this.#link = link
    this.#agent = agent
    const from = Math.max(1, agent.head - MAX_HISTORY_LINES + 1)
    const { signal } = this.#stop
    this.#follow = ports.client.follow(agent.session, { from, until: 'never', signal })
  }

  /** Resolves when either side has ended it. */
  async run(): Promise<void> {
    let stopPings = (): void => {}
    try {
      await this.#greet()
      this.#ping()
      stopPings = this.#ports.every(PING_MS, () => this.#ping())
      await Promise.race([this.#sendOutput(), this.#takeInput()])
    } finally {
      stopPings()
      this.end()
    }
  }

  /** The client is told, and what was sent to it goes out first. */
  end(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    void this.#link.send({ type: 'disconnect', payload: {} })
    this.#link.end()
  }

  async #greet(): Promise<void> {
    const history = new History()
    const { head } = this.#agent
    for (let at = 0; at < head; ) {
      const { value: item } = await this.#follow.next()
      if (item === undefined) break
      at = item.type === 'gap' ? item.to : item.seq
      for (const line of this.#lines.take(item)) history.add(line)
    }
    history.trim()
    const { id, name, task } = agentInfo(this.#agent)
    await this.#link.send(accepted({ id, name, task }, history.count))
    const payload = history.payload(this.#ports.wall())
    await this.#link.send({ type: 'historical_output', payload })
  }

  async #sendOutput(): Promise<void> {
    try {
      for await (const item of this.#follow) {
        for (const line of this.#lines.take(item)) await this.#link.send(outputFrame(line))
      }
    } catch (thrown) {
      if (this.#stop.signal.aborted) return
      await this.#fail(ProtocolError.from(thrown, 'client').message)
    }
  }

  async #takeInput(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#link.next()
        if (frame === undefined || frame.type === 'disconnect') return
        await this.#take(frame)
      }
    } catch (thrown) {
      if (!(thrown instanceof BadFrame)) throw thrown
      await this.#fail(`Read error: ${thrown.message}`)
    }
  }

  async #take({ type, payload, seq }: Frame): Promise<void> {
    switch (type) {
      case 'stdin':
        return this.#write(payload)
      case 'ping':
        return this.#link.send({ type: 'pong', payload: {}, ...(seq !== undefined && { seq }) })
      case 'pong':
      case 'read_output': // it comes by itself
        return
      default:
        return this.#fail(`Unexpected message type: ${type.slice(0, 64)}`)
    }
  }

  async #write(payload: unknown): Promise<void> {
    try {
      const text = this.#stdin.take(payload)
      if (text !== '') await writeInput(this.#ports.client, this.#agent.session, text)
    } catch (thrown) {
      await this.#fail(ProtocolError.from(thrown, 'client').message)
    }
  }

  #fail(error: string): Promise<void> {
    return this.#link.send({ type: 'error', payload: { error } })
  }

  #ping(): void {
    this.#seq += 1
    void this.#link.send({ type: 'ping', payload: {}, seq: this.#seq })
  }
}

function outputFrame({ stream, text, time }: Line): Frame {
  const bytes = Buffer.from(text)
  const timestamp = Math.floor(time / 1000)
  return {
    type: stream,
    payload: { data: bytes.toString('base64'), bytes: bytes.length, timestamp },
  }
}
