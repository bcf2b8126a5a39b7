/** A REQ client of the MessagePack agent protocol, as programs of the old daemon are. */
import { Packr } from 'msgpackr'
import type { Test } from 'tap'
import { Request } from 'zeromq'

const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Replies come from another process on a busy machine. */
const REPLY_MS = 30_000

export class RepClient {
  readonly #socket = new Request({ linger: 0, receiveTimeout: REPLY_MS, reconnectInterval: 50 })

  /** Connects to an endpoint; closed with the test. */
  constructor(t: Test, endpoint: string) {
    this.#socket.connect(endpoint)
    t.teardown(() => this.#socket.close())
  }

  /** The reply as the array that it is. */
  ask(...message: readonly unknown[]): Promise<readonly unknown[]> {
    return this.askBytes(packr.pack(message))
  }

  async askBytes(...frames: readonly Uint8Array[]): Promise<readonly unknown[]> {
    await this.#socket.send(frames.map((frame) => Buffer.from(frame)))
    const [body, ...more] = await this.#socket.receive()
    if (more.length > 0) throw new Error('a reply is one frame')
    return packr.unpack(body ?? Buffer.alloc(0)) as readonly unknown[]
  }

  /** One after the other until one fits: what it waits for has no event that reaches this side. */
  async until(
    message: readonly unknown[],
    fits: (reply: readonly unknown[]) => boolean,
  ): Promise<readonly unknown[]> {
    for (;;) {
      const reply = await this.ask(...message)
      if (fits(reply)) return reply
    }
  }

  /** Spawns an agent that must start; its id as it came. */
  async spawn(type: string, task = '-', more: readonly unknown[] = [null, null, {}]) {
    const reply = await this.ask('spawn_request', 's', ['a', type, task, ...more], 30, null)
    if (reply[2] !== true) throw new Error(String(reply[4]))
    return (reply[3] as readonly unknown[])[0] as Buffer
  }

  command(agent: Uint8Array | string, command: string, payload: unknown = null) {
    return this.ask('control_command', 'c', agent, command, payload)
  }
}

export function uuidText(id: Uint8Array): string {
  const hex = Buffer.from(id).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
