/** What the broker owes to peers of core-scene.ts, and what it has said to them: one end for each request. */
import type { Message, Received } from '../../../protocol/bundle.ts'
import { decodeBody } from '../../../protocol/codec.ts'
import { ErrorBody } from '../../../protocol/messages/calls.ts'
import type { Head, HeadFor } from '../../../protocol/messages/index.ts'
import { isMethod, METHODS } from '../../../protocol/methods/index.ts'
import { must } from '../target.ts'

/** What became of one id of one connection. */
interface Asked {
  /** Messages that named it: each can be answered once. */
  mentions: number
  ends: number
  /** Method of the request that is owed an end, while one is. */
  open: string | undefined
}

/** Errors that say that a host answered nonsense, not that the broker is defective. */
const OF_THE_HOST = /the reply to agent\.|^internal error: [^ ]*: |invalid body/

export class Ledger {
  readonly #connections = new Map<string, Map<string, Asked>>()

  /** A request has passed the link. A second one under the same id is refused, and ends nothing. */
  requested(connection: string, { id, method }: HeadFor<'REQUEST'>): void {
    if (id !== '') this.#of(connection, id).open ??= method
  }

  /** The connection has begun anew, or ended: nothing from before is owed to it. */
  began(connection: string): void {
    for (const asked of this.#connections.get(connection)?.values() ?? []) asked.open = undefined
  }

  /** What a peer has sent, as far as it can be read. */
  said(connection: string, entries: readonly Received[]): void {
    for (const entry of entries) {
      const id = entry.ok ? idOf(entry.message.head) : entry.id
      this.#of(connection, id).mentions += 1
    }
  }

  /** What a peer is told. */
  heard(connection: string, messages: readonly Message[]): void {
    for (const { head, body } of messages) {
      if (head.kind === 'REPLY') this.#replied(connection, head, body)
      else if (head.kind === 'ERROR') this.#failed(connection, head, body)
    }
  }

  /** When all that was under way has had its time. */
  checkEnds(connections: readonly string[]): void {
    for (const connection of connections) {
      for (const [id, { open }] of this.#connections.get(connection) ?? []) {
        const what = () => `a request ${open} with the id ${JSON.stringify(id)} has no end`
        must(open === undefined, what)
      }
    }
  }

  #of(connection: string, given: string): Asked {
    const id = Buffer.from(given).toString() // as it comes back: half a character is none
    let ids = this.#connections.get(connection)
    if (!ids) {
      ids = new Map()
      this.#connections.set(connection, ids)
    }
    let asked = ids.get(id)
    if (!asked) {
      asked = { mentions: 0, ends: 0, open: undefined }
      ids.set(id, asked)
    }
    return asked
  }

  #replied(connection: string, { id }: HeadFor<'REPLY'>, body: Buffer): void {
    const method = this.#ended(connection, id)
    if (method === undefined || !isMethod(method)) return
    const what = `the result of ${method}`
    decodeBody(METHODS[method].result, body, 'INVALID_MESSAGE', { what })
  }

  #failed(connection: string, { id }: HeadFor<'ERROR'>, body: Buffer): void {
    const { code, message } = decodeBody(ErrorBody, body)
    const isOurs = code === 'INTERNAL' && !OF_THE_HOST.test(message)
    must(!isOurs, () => `a peer is told of a defect: ${message}`)
    if (id !== '') this.#ended(connection, id)
  }

  /** The method of the request that ends with this. */
  #ended(connection: string, id: string): string | undefined {
    const asked = this.#of(connection, id)
    const { open } = asked
    asked.open = undefined
    asked.ends += 1
    must(asked.ends <= asked.mentions, () => `the id ${JSON.stringify(id)} has ${asked.ends} ends`)
    return open
  }
}

function idOf(head: Head): string {
  return 'id' in head && typeof head.id === 'string' ? head.id : ''
}
