/** Calls of a client process, each written down before it is made and when it ends. */
import { existsSync, openSync } from 'node:fs'
import { type CallOptions, type Client, ProtocolError } from '../../clients/sdk/index.ts'
import { type Archive, appendLine, readLines } from './archive.ts'
import type { CallLine } from './history.ts'

type Made = Extract<CallLine, { type: 'call' }>
export type Wish = Pick<Made, 'method' | 'session' | 'key' | 'text'>
export type End = Extract<CallLine, { type: 'reply' | 'error' }>

const CALL_MS = 15_000

export class ClientCalls {
  readonly #client: Client
  readonly #file: number
  readonly #prefix: string
  /** Calls of the life before that it did not see end. */
  readonly unfinished: readonly Made[]
  made = 0

  constructor(client: Client, archive: Archive, name: string, life: number) {
    this.#client = client
    this.#prefix = `${name}.${life}`
    const path = archive.callsOf(name)
    const earlier = existsSync(path) ? readLines<CallLine>(path) : []
    const ended = new Set(
      earlier.map((line) => line.type !== 'call' && 'call' in line && line.call),
    )
    for (const line of earlier) if (line.type === 'accepted') ended.delete(line.call)
    this.unfinished = earlier
      .filter((line) => line.type === 'call')
      .filter(({ call }) => call.startsWith(`${name}.${life - 1}.`) && !ended.has(call))
    this.#file = openSync(path, 'a')
    appendLine(this.#file, { type: 'life', life })
  }

  async make(wish: Wish, options: CallOptions = {}): Promise<End> {
    this.made += 1
    const call = `${this.#prefix}.${this.made}`
    appendLine(this.#file, { type: 'call', call, ...wish })
    const onAccepted = () => appendLine(this.#file, { type: 'accepted', call })
    const end = await this.#send(call, wish, { deadlineMs: CALL_MS, onAccepted, ...options })
    appendLine(this.#file, end)
    return end
  }

  async #send(call: string, { method, session, key, text }: Wish, more: CallOptions): Promise<End> {
    const options = { ...more, ...(key !== '' && { idempotencyKey: key }) }
    try {
      if (method === 'session.prompt') {
        const result = await this.#client.call(method, { session, text }, options)
        return { type: 'reply', call, turn: result.turn, sequence: result.sequence }
      }
      if (method === 'session.interrupt') {
        const { turn } = await this.#client.call(method, { session }, options)
        return { type: 'reply', call, turn, sequence: 0 }
      }
      await this.#client.call('session.list', { limit: 50 }, options)
      return { type: 'reply', call, turn: 0, sequence: 0 }
    } catch (thrown) {
      const { code, executed } = ProtocolError.from(thrown, 'client')
      return { type: 'error', call, code, executed }
    }
  }
}
