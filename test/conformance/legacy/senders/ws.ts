/** A conversation on a WebSocket, with a fence at its end: what came before the fence is all that came. */
import { once } from 'node:events'
import { type RawData, WebSocket } from 'ws'
import { isArray, isObject, type Json, type JsonObject, parseExact } from '../exact-json.ts'
import type { Answer } from '../expectation.ts'
import { compare } from '../pattern.ts'
import { atPath } from '../values.ts'
import { bodyText } from './http.ts'
import { ANSWER_MS } from './patience.ts'

/** No JSON, so the server says that it does not understand. */
const FENCE = 'fence'

export interface WsCase {
  readonly send: Json
  readonly expect: JsonObject
  /** Called when all that is no event has come. */
  readonly happen: () => Promise<void>
  /** `event_type` of what `happen` lets happen; undefined: nothing. */
  readonly happens: string | undefined
}

export async function sendWs(
  url: string,
  { send, expect, happen, happens }: WsCase,
): Promise<Answer> {
  const expected = expectedMessages(expect)
  const patterns = expected.filter(isEvent)
  const events = patterns.length
  const conversation = await Conversation.open(url, (message) => {
    if (isPing(message)) return expected.some(isPing)
    // What makes an agent do one thing makes it do others as well.
    const isOther = patterns.every((pattern) => compare(pattern, message).length > 0)
    return events === 0 || !isEvent(message) || !isOther
  })
  try {
    for (const message of isArray(send) ? send : [send]) conversation.say(bodyText(message))
    await conversation.hasHeard(expected.length - events)
    if (happens !== undefined) await witnessed(url, happens, happen)
    if (events > 0) await conversation.hasHeard(expected.length)
    const messages = await conversation.upToFence()
    return { json: messages, silent: messages.length === 0 }
  } finally {
    conversation.close()
  }
}

/** Lets something happen until one who hears everything has heard of it: nobody will hear of it later. */
async function witnessed(url: string, event: string, happen: () => Promise<void>): Promise<void> {
  const witness = await Conversation.open(
    url,
    (message) => typeOf(message) === 'SubscriptionConfirmed' || eventOf(message) === event,
  )
  try {
    witness.say(JSON.stringify({ type: 'Subscribe', payload: { filter: null } }))
    await witness.hasHeard(1)
    await happen()
    await witness.hasHeard(2)
  } finally {
    witness.close()
  }
}

function expectedMessages({ messages, match }: JsonObject): readonly Json[] {
  const found = messages ?? match
  return isArray(found) ? found : []
}

const typeOf = (message: Json): Json | undefined =>
  isObject(message) ? message['type'] : undefined
const eventOf = (message: Json): Json | undefined => atPath(message, 'payload.data.event_type')
const isPing = (message: Json): boolean => typeOf(message) === 'Ping'
const isEvent = (message: Json): boolean => typeOf(message) === 'Event'
const isRefusal = (message: Json): boolean => typeOf(message) === 'Error'

class Conversation {
  readonly #socket: WebSocket
  readonly #counts: (message: Json) => boolean
  readonly #heard: Json[] = []
  #wake: () => void = () => undefined

  private constructor(socket: WebSocket, counts: (message: Json) => boolean) {
    this.#socket = socket
    this.#counts = counts
    socket.on('message', (data: RawData) => this.#message(data))
    socket.on('close', () => this.#wake())
  }

  /** Messages that do not count are as if they had not come. */
  static async open(url: string, counts: (message: Json) => boolean): Promise<Conversation> {
    const socket = new WebSocket(url, { handshakeTimeout: ANSWER_MS })
    const conversation = new Conversation(socket, counts)
    await once(socket, 'open')
    return conversation
  }

  say(text: string): void {
    this.#socket.send(text)
  }

  #message(data: RawData): void {
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : ''
    const message = parseExact(text)
    if (!this.#counts(message)) return
    this.#heard.push(message)
    this.#wake()
  }

  /** Resolves as well when they do not come. */
  async hasHeard(count: number): Promise<void> {
    await this.#until(() => this.#heard.length >= count)
  }

  async upToFence(): Promise<readonly Json[]> {
    const before = this.#heard.length
    this.say(FENCE)
    const fence = () => this.#heard.findIndex((message, at) => at >= before && isRefusal(message))
    await this.#until(() => fence() >= 0)
    const at = fence()
    return at < 0 ? this.#heard : this.#heard.toSpliced(at, this.#heard.length - at)
  }

  async #until(condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(ANSWER_MS)
    while (!condition() && !deadline.aborted && this.#socket.readyState === WebSocket.OPEN) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  close(): void {
    this.#socket.terminate()
  }
}
