/** Who listens to what, as XPUB tells it: every subscription and every end of one. Pure. */
import { chatTopic } from './legacy-chunk.ts'
import { PUB_LIMITS } from './limits.ts'

/** What every topic begins with. */
const ALL_CHATS = 'chat/'
const TOPIC_LENGTH = chatTopic('00000000-0000-4000-8000-000000000000').length

/** `session`: the subscription is to this chat alone. */
export interface SubscriptionChange {
  readonly type: 'came' | 'left'
  readonly session: string | undefined
}

export class Subscriptions {
  /** Subscribers by prefix; one that is longer than a topic counts for that topic. */
  readonly #counts = new Map<string, number>()
  readonly #maxPrefixes: number
  readonly #isChat: (session: string) => boolean
  #total = 0

  /** `isChat`: there is such a chat; whoever subscribes to it counts, however many others there are. */
  constructor(
    maxPrefixes: number = PUB_LIMITS.maxPrefixes,
    isChat: (session: string) => boolean = () => false,
  ) {
    this.#maxPrefixes = maxPrefixes
    this.#isChat = isChat
  }

  get total(): number {
    return this.#total
  }

  /** A message from a subscriber; undefined when it changes nothing. */
  take(frame: Uint8Array): SubscriptionChange | undefined {
    const verb = frame[0]
    if ((verb !== 0 && verb !== 1) || frame.length > PUB_LIMITS.maxPrefixBytes) return undefined
    const prefix = Buffer.from(frame.subarray(1, 1 + TOPIC_LENGTH)).toString('latin1')
    const isKnown = verb === 1 ? this.#add(prefix) : this.#remove(prefix)
    if (!isKnown) return undefined
    return { type: verb === 1 ? 'came' : 'left', session: sessionOf(prefix) }
  }

  /** Somebody listens to this chat by its own topic. */
  isNamed(session: string): boolean {
    return this.#counts.has(chatTopic(session))
  }

  /** Somebody would get what is published for this chat, by its topic or a shorter prefix. */
  isHeard(session: string): boolean {
    if (this.#counts.size === 0) return false
    const topic = chatTopic(session)
    for (let length = 0; length <= topic.length; length += 1) {
      if (this.#counts.has(topic.slice(0, length))) return true
    }
    return false
  }

  #add(prefix: string): boolean {
    const count = this.#counts.get(prefix)
    if (count === undefined && !this.#hasRoom(prefix)) return false
    this.#counts.set(prefix, (count ?? 0) + 1)
    this.#total += 1
    return true
  }

  /** Those of real readers are few: the chats that there are, and the beginnings of all topics. */
  #hasRoom(prefix: string): boolean {
    if (this.#counts.size < this.#maxPrefixes || ALL_CHATS.startsWith(prefix)) return true
    const session = sessionOf(prefix)
    return session !== undefined && this.#isChat(session)
  }

  #remove(prefix: string): boolean {
    const count = this.#counts.get(prefix)
    if (count === undefined) return false
    if (count === 1) this.#counts.delete(prefix)
    else this.#counts.set(prefix, count - 1)
    this.#total -= 1
    return true
  }
}

const TOPIC = /^chat\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

function sessionOf(prefix: string): string | undefined {
  return TOPIC.exec(prefix)?.[1]
}
