/** The door that publishes chats on a ZeroMQ PUB socket, as the old daemon did. */
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { ProtocolError, type SessionInfo, type StreamItem } from '../../sdk/index.ts'
import { bindError } from '../bind-error.ts'
import type { Door, DoorContext } from '../door.ts'
import { EventWatch } from '../event-watch.ts'
import { everySession, isChat } from '../sessions.ts'
import type { FollowerPorts } from './chat-follower.ts'
import { Desk } from './desk.ts'
import { PUB_LIMITS } from './limits.ts'
import { statePositions } from './position-store.ts'
import { Positions } from './positions.ts'
import { PubSocket } from './pub-socket.ts'
import { Subscriptions } from './subscriptions.ts'

export function pubDoor(context: DoorContext): Door {
  return new PubDoor(context)
}

class PubDoor implements Door {
  readonly name = 'pub'
  readonly #context: DoorContext
  readonly #subscriptions = new Subscriptions(PUB_LIMITS.maxPrefixes, (session) =>
    this.#desk.has(session),
  )
  readonly #positions: Positions
  readonly #desk: Desk
  readonly #socket: PubSocket
  readonly #stop = new AbortController()
  readonly #addresses: string[] = []
  readonly #lookups = new Set<string>()
  #looking: Promise<void> = Promise.resolve()
  readonly #watch: EventWatch
  #leave: (() => void)[] = []
  #isLoaded = false
  #published = 0
  #dropped = 0
  #droppedTold = 0
  #toldAt = 0

  constructor(context: DoorContext) {
    this.#context = context
    this.#positions = new Positions(statePositions(context.client))
    this.#socket = new PubSocket({
      subscription: (frame) => this.#subscription(frame),
      failed: (err) => context.log.error({ err }, 'no subscriptions are seen any more'),
    })
    this.#watch = new EventWatch({
      client: context.client,
      pause: context.pause,
      heard: (item) => this.#heard(item),
      trouble: ({ code, message }) =>
        context.log.warn(
          { code, reason: message },
          'chats of others are not heard of; trying again',
        ),
    })
    this.#desk = new Desk({
      ports: this.#followerPorts(),
      subscriptions: this.#subscriptions,
      maxFollowed: context.settings.pub_chats,
      holdMs: context.settings.chat_hold_ms,
      gone: (session) => this.#positions.forget(session),
    })
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  async start(): Promise<void> {
    const { pub_host: host, pub_port: port } = this.#context.settings
    const { chats, every, now } = this.#context
    this.#leave.push(chats.onChat(({ session, isHeld }) => this.#desk.add(session, isHeld)))
    const endpoint = `tcp://${host.includes(':') ? `[${host}]` : host}:${port === 0 ? '*' : port}`
    // Chats are known before anybody can subscribe, so that nobody is told that there is nothing.
    await this.#watch.begin()
    await this.#load()
    try {
      this.#addresses.push(await this.#socket.bind(endpoint))
    } catch (cause) {
      throw bindError(endpoint, cause)
    }
    this.#watch.run()
    this.#leave.push(every(PUB_LIMITS.tickMs, () => this.#tick(now())))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    for (const leave of this.#leave.splice(0)) leave()
    await Promise.all([this.#desk.close(), this.#watch.stop(), this.#looking])
    this.#tellDropped(this.#context.now())
    if (this.#isLoaded) await this.#positions.flush().catch((err) => this.#notSaved(err))
    await this.#socket.close()
  }

  async #load(): Promise<void> {
    const { client } = this.#context
    const known = new Map<string, SessionInfo>()
    for await (const info of everySession(client)) if (isChat(info)) known.set(info.session, info)
    await this.#positions.load((session) => known.has(session))
    this.#isLoaded = true
    for (const { session, status, head } of known.values()) {
      const isOver = status === 'ended' || status === 'failed'
      if (!isOver || head > this.#positions.of(session)) this.#desk.add(session)
    }
  }

  #tick(now: number): void {
    this.#desk.tick(now)
    this.#positions.tick(now).catch((err) => this.#notSaved(err))
    if (now - this.#toldAt >= PUB_LIMITS.tellMs) this.#tellDropped(now)
  }

  #tellDropped(now: number): void {
    this.#toldAt = now
    const chunks = this.#dropped - this.#droppedTold
    if (chunks === 0) return
    this.#context.log.warn({ chunks }, 'chunks were dropped for a subscriber that reads too slowly')
    this.#droppedTold = this.#dropped
  }

  #notSaved(thrown: unknown): void {
    const { code, message } = ProtocolError.from(thrown, 'client')
    this.#context.log.warn({ code, reason: message }, 'positions of chats are not saved')
  }

  #subscription(frame: Uint8Array): void {
    const change = this.#subscriptions.take(frame)
    if (!change) return
    this.#desk.subscriptionChanged(change)
    const { session } = change
    if (change.type === 'came' && session !== undefined && !this.#desk.has(session)) {
      this.#lookUp(session)
    }
  }

  /** Whether this is a chat, the broker knows. One after the other: nobody is to have many calls made. */
  #lookUp(session: string): void {
    if (this.#lookups.size >= PUB_LIMITS.maxLookups || this.#lookups.has(session)) return
    this.#lookups.add(session)
    this.#looking = this.#looking
      .then(() => this.#learn(session))
      .finally(() => {
        this.#lookups.delete(session)
      })
  }

  async #learn(session: string): Promise<void> {
    const { signal } = this.#stop
    try {
      const info = await this.#context.client.call('session.get', { session }, { signal })
      if (isChat(info) && !this.#desk.add(session)) this.#context.log.warn('too many chats')
    } catch (thrown) {
      const { code } = ProtocolError.from(thrown, 'client')
      if (code !== 'NO_SUCH_SESSION' && !signal.aborted) {
        this.#context.log.warn({ session, code }, 'a chat could not be looked up')
      }
    }
  }

  /** What others do with chats: sessions that are created, come to life again or are removed. */
  #heard(item: StreamItem): void {
    if (item.type !== 'event' || item.topic !== 'session') return
    if (item.event === 'removed') this.#desk.remove(item.id)
    else if (this.#desk.has(item.id)) this.#desk.add(item.id)
    else if (isChatEvent(item.data)) this.#desk.add(item.id)
  }

  #followerPorts(): FollowerPorts {
    const { client, log, now, pause } = this.#context
    return {
      look: (session, signal) => client.call('session.get', { session }, { signal }),
      follow: (session, from, signal) => client.follow(session, { from, signal }),
      position: (session) => this.#positions.of(session),
      published: (session, seq) => this.#positions.sent(session, seq),
      isHeard: (session) => this.#subscriptions.isHeard(session),
      trySend: async (frame) => {
        const isSent = await this.#socket.trySend(frame)
        if (isSent) await this.#count()
        return isSent
      },
      sendToSome: async (frame) => {
        await this.#socket.sendToSome(frame)
        await this.#count()
      },
      dropped: () => {
        this.#dropped += 1
        this.#context.metrics.chatChunkDropped()
      },
      trouble: (session, { code, message }) => {
        log.warn({ session, code, reason: message }, 'a chat cannot be followed; trying again')
      },
      now,
      pause,
    }
  }

  /** A long history must not keep everything else from running: sending never waits by itself. */
  async #count(): Promise<void> {
    this.#published += 1
    this.#context.metrics.chatChunk()
    if (this.#published % PUB_LIMITS.burst === 0) await turnOfLoop()
  }
}

/** Of `created` the metadata, of `annotated` what is changed in it. */
function isChatEvent({ metadata }: Readonly<Record<string, unknown>>): boolean {
  return typeof metadata === 'object' && metadata !== null && isChat({ metadata: { ...metadata } })
}
