/** One event client: its subscription, what it sent and what it is sent. Pure but for its port. */
import { rfc3339 } from '../legacy/times.ts'
import { type ClientMessage, decodeClientMessage } from './client-message.ts'
import { type DescartesEvent, type EventFilter, matchesFilter } from './descartes-event.ts'
import { EVENTS_LIMITS } from './limits.ts'

export interface EventClientPort {
  send(text: string): void
  /** A ping of the WebSocket protocol itself, which every client answers. */
  ping(): void
  /** Bytes that wait to be sent. */
  buffered(): number
  /** Ends the connection at once. */
  cut(reason: string): void
  now(): number
  /** Ms since 1970. */
  wall(): number
  uuid(): string
}

export class EventClient {
  readonly #port: EventClientPort
  #subscription: { readonly id: string; readonly filter: EventFilter | null } | undefined
  #heardAt: number
  #pingAt: number
  /** It is gone; what it sent before is still on its way here. */
  #isCut = false

  constructor(port: EventClientPort) {
    this.#port = port
    this.#heardAt = port.now()
    this.#pingAt = port.now()
  }

  /** Something came from it: it lives. */
  heard(): void {
    this.#heardAt = this.#port.now()
  }

  message(text: string): void {
    if (this.#isCut) return
    this.heard()
    let message: ClientMessage
    try {
      message = decodeClientMessage(text)
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      this.#error('INVALID_MESSAGE', `Failed to parse message: ${reason}`)
      return
    }
    this.#take(message)
  }

  /** `json` is the event, written once for all clients. */
  event(event: DescartesEvent, json: string): void {
    if (!this.#subscription || !matchesFilter(this.#subscription.filter, event)) return
    this.#write(`{"type":"Event","payload":${json}}`)
  }

  tick(): void {
    const now = this.#port.now()
    if (now - this.#heardAt > EVENTS_LIMITS.deadMs) this.#cut('it answers no ping')
    else if (now >= this.#pingAt) {
      this.#pingAt = now + EVENTS_LIMITS.pingMs
      this.#send('Ping', { timestamp: rfc3339(this.#port.wall()) })
      this.#port.ping()
    }
  }

  #take(message: ClientMessage): void {
    switch (message.type) {
      case 'Subscribe':
        this.#subscription = { id: this.#port.uuid(), filter: message.filter }
        this.#send('SubscriptionConfirmed', { subscription_id: this.#subscription.id })
        break
      case 'UpdateFilter':
        this.#update(message.filter)
        break
      case 'Unsubscribe':
        this.#subscription = undefined
        break
      case 'Pong':
        break
    }
  }

  #update(filter: EventFilter): void {
    if (!this.#subscription) {
      this.#error('HANDLER_ERROR', 'No active subscription to update')
      return
    }
    this.#subscription = { ...this.#subscription, filter }
    this.#send('SubscriptionUpdated', { subscription_id: this.#subscription.id })
  }

  #error(code: string, message: string): void {
    this.#send('Error', { code, message })
  }

  #send(type: string, payload: object): void {
    this.#write(JSON.stringify({ type, payload }))
  }

  /** A client that does not read is cut off: what waits for it is bounded, and others do not wait. */
  #write(text: string): void {
    if (this.#isCut) return
    this.#port.send(text)
    if (this.#port.buffered() > EVENTS_LIMITS.maxBufferedBytes) this.#cut('it reads too slowly')
  }

  #cut(reason: string): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#port.cut(reason)
  }
}
