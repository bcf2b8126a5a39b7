/**
 * Decides which chats are published now: those that somebody listens to. Chunks of a chat that nobody
 * listens to wait in the journal of the broker, not here.
 */
import { ChatFollower, type FollowerEnd, type FollowerPorts } from './chat-follower.ts'
import { PUB_LIMITS } from './limits.ts'
import type { SubscriptionChange, Subscriptions } from './subscriptions.ts'

export interface DeskOptions {
  readonly ports: FollowerPorts
  readonly subscriptions: Pick<Subscriptions, 'isHeard' | 'isNamed'>
  /** Chats that are published at once; further ones wait until one of them ends. */
  readonly maxFollowed: number
  /** How long a chat that begins is kept for a subscriber of its own, when only others listen, ms. */
  readonly holdMs: number
  /** A chat is gone for good. */
  readonly gone: (session: string) => void
}

interface Chat {
  readonly session: string
  /** Until then only a subscription to this chat alone lets its chunks go out. */
  heldUntil: number
  /** Its process has ended and all of it was published. */
  isOver: boolean
  /** How often something new was heard of it. */
  news: number
  follower: ChatFollower | undefined
}

export class Desk {
  readonly #options: DeskOptions
  readonly #chats = new Map<string, Chat>()
  readonly #running = new Set<Promise<void>>()
  readonly #held = new Set<Chat>()
  #followed = 0
  #isClosed = false

  constructor(options: DeskOptions) {
    this.#options = options
  }

  get followed(): number {
    return this.#followed
  }

  has(session: string): boolean {
    return this.#chats.has(session)
  }

  /** There is such a chat, and perhaps something new in it. False = there is no room to mind it. */
  add(session: string, isHeld = false): boolean {
    const chat = this.#chats.get(session) ?? this.#newChat(session)
    if (!chat) return false
    isNews(chat)
    if (isHeld) {
      chat.heldUntil = this.#options.ports.now() + this.#options.holdMs
      this.#held.add(chat)
    }
    this.#decide(chat)
    return true
  }

  /** The chat was removed. */
  remove(session: string): void {
    const chat = this.#chats.get(session)
    chat?.follower?.stop()
    if (chat) this.#held.delete(chat)
    this.#chats.delete(session)
    this.#options.gone(session) // what is known of it may be older than this desk
  }

  subscriptionChanged({ type, session }: SubscriptionChange): void {
    const one = session === undefined ? undefined : this.#chats.get(session)
    if (one) this.#heard(one, type)
    else if (session === undefined) for (const chat of this.#chats.values()) this.#heard(chat, type)
  }

  /** Lets those go out that have been held for long enough. */
  tick(now: number): void {
    for (const chat of this.#held) {
      if (chat.heldUntil > now) continue
      this.#held.delete(chat)
      this.#decide(chat)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { follower } of this.#chats.values()) follower?.stop()
    await Promise.all(this.#running)
  }

  #newChat(session: string): Chat | undefined {
    if (this.#chats.size >= PUB_LIMITS.maxChats && !this.#forgetOne()) return undefined
    const chat: Chat = { session, heldUntil: 0, isOver: false, news: 0, follower: undefined }
    this.#chats.set(session, chat)
    return chat
  }

  /** One that is over is learned of again when somebody subscribes to it or it is recovered. */
  #forgetOne(): boolean {
    for (const { session, isOver, follower } of this.#chats.values()) {
      if (isOver && !follower) return this.#chats.delete(session)
    }
    return false
  }

  /** Who subscribes may want what came after the end, so an ended chat is looked at once more. */
  #heard(chat: Chat, type: SubscriptionChange['type']): void {
    if (type === 'came') isNews(chat)
    this.#decide(chat)
  }

  #decide(chat: Chat): void {
    const isOurs = !this.#isClosed && this.#chats.get(chat.session) === chat
    const isWanted = isOurs && !chat.isOver && this.#isHeard(chat)
    if (!isWanted) chat.follower?.stop()
    else if (!chat.follower && this.#followed < this.#options.maxFollowed) this.#start(chat)
  }

  #isHeard({ session, heldUntil }: Chat): boolean {
    const { subscriptions, ports } = this.#options
    if (subscriptions.isNamed(session)) return true
    return heldUntil <= ports.now() && subscriptions.isHeard(session)
  }

  #start(chat: Chat): void {
    const follower = new ChatFollower(chat.session, this.#options.ports)
    chat.follower = follower
    this.#followed += 1
    const { news } = chat
    const run = follower.run().then((end) => this.#ended(chat, end, news))
    const kept = run.finally(() => this.#running.delete(kept))
    this.#running.add(kept)
  }

  #ended(chat: Chat, end: FollowerEnd, news: number): void {
    chat.follower = undefined
    this.#followed -= 1
    if (end === 'closed') this.#isClosed = true
    if (end === 'over') chat.isOver = chat.news === news
    if (end === 'gone') this.remove(chat.session)
    else this.#decide(chat) // what changed while it ended
    this.#fill()
  }

  /** Lets those in that waited for a place. */
  #fill(): void {
    if (this.#isClosed || this.#followed !== this.#options.maxFollowed - 1) return
    for (const chat of this.#chats.values()) {
      if (this.#followed >= this.#options.maxFollowed) return
      if (!chat.follower) this.#decide(chat)
    }
  }
}

function isNews(chat: Chat): void {
  chat.isOver = false
  chat.news += 1
}
