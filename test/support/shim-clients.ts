/** Clients of the doors of a shim, as other programs write them: plain HTTP, WebSocket and SUB. */
import { type IncomingMessage, request } from 'node:http'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { Subscriber } from 'zeromq'
import type { Part } from './cluster.ts'

/** Address of a door, as the ready line of the shim tells it. */
export function doorOf({ ready }: Part, door: string): string {
  const [address] = (ready['doors'] as Readonly<Record<string, readonly string[]>>)[door] ?? []
  if (address === undefined) throw new Error(`the shim has no door ${door}`)
  return address
}

/** Resolves with the response, whose body nobody reads yet. */
export function get(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent: false }, resolve).on('error', reject).end()
  })
}

export interface ServerSentEvent {
  readonly id: number
  readonly event: string
  readonly data: { readonly type: string; readonly content?: string; readonly seq: number }
}

/** Events of a stream, each once it is whole; ends with the response, also when that is cut. */
export async function* serverSentEvents(
  response: IncomingMessage,
): AsyncGenerator<ServerSentEvent, undefined> {
  let rest = ''
  response.setEncoding('utf8')
  try {
    for await (const piece of response) {
      const blocks = (rest + String(piece)).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = new Map(
          block.split('\n').map((line) => {
            const colon = line.indexOf(': ')
            return [line.slice(0, colon), line.slice(colon + 2)] as const
          }),
        )
        const data = fields.get('data')
        if (data === undefined) continue
        const id = Number(fields.get('id') ?? Number.NaN)
        yield { id, event: fields.get('event') ?? '', data: JSON.parse(data) }
      }
    }
  } catch {
    // The shim was killed: to a reader that is the end of the response.
  }
}

/** What a WebSocket said so far; `next` waits for more. */
export class WsReader {
  readonly socket: WebSocket
  readonly #texts: string[] = []
  #wake: () => void = () => undefined
  #isClosed = false

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      this.#texts.push(Buffer.isBuffer(data) ? data.toString() : '')
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  /** Rejects when the server refuses. */
  static async open(t: Test, url: string): Promise<WsReader> {
    const reader = new WsReader(new WebSocket(url))
    t.teardown(() => reader.socket.terminate())
    await new Promise<void>((resolve, reject) => {
      reader.socket.once('open', resolve)
      reader.socket.once('error', reject)
    })
    return reader
  }

  /** The next message; undefined when the connection is closed. */
  async next<T>(): Promise<T | undefined> {
    while (this.#texts.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const text = this.#texts.shift()
    return text === undefined ? undefined : (JSON.parse(text) as T)
  }
}

export interface ChatChunk {
  readonly topic: string
  readonly chunk: { readonly type: string; readonly content?: string; readonly seq: number }
}

/** A SUB socket on the chat stream. */
export class ChatSubscriber {
  readonly #socket = new Subscriber({ linger: 0, receiveHighWaterMark: 100_000 })

  constructor(t: Test, endpoint: string, ...topics: string[]) {
    t.teardown(() => this.#socket.close())
    this.#socket.reconnectInterval = 50
    this.#socket.connect(endpoint)
    this.#socket.subscribe(...topics)
  }

  async next(): Promise<ChatChunk> {
    const frames = await this.#socket.receive()
    if (frames.length !== 1) throw new Error(`${frames.length} frames`)
    const text = String(frames[0])
    const space = text.indexOf(' ')
    return { topic: text.slice(0, space), chunk: JSON.parse(text.slice(space + 1)) }
  }

  async until(isLast: (chunk: ChatChunk['chunk']) => boolean): Promise<ChatChunk['chunk'][]> {
    const chunks: ChatChunk['chunk'][] = []
    for (;;) {
      const { chunk } = await this.next()
      chunks.push(chunk)
      if (isLast(chunk)) return chunks
    }
  }

  close(): void {
    this.#socket.close()
  }
}
