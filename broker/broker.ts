/** The composition root of the broker: builds its parts, plugs the core into sockets and timers. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { encodeBundle, type Message } from '../protocol/bundle.ts'
import { EMPTY } from '../protocol/codec.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { newToken } from '../protocol/ids.ts'
import {
  type BrokerLinkEvent,
  type Identity,
  LINK_LIMITS,
  type Verdict,
} from '../protocol/link/broker-link.ts'
import { LoopLag, NO_AGENT } from '../protocol/link/health.ts'
import { OUTBOX_LIMITS } from '../protocol/link/outbox.ts'
import type { HelloBody } from '../protocol/messages/handshake.ts'
import type { DoorInfo } from '../protocol/methods/key.ts'
import { trustedDirectory } from '../protocol/process/private-place.ts'
import { SOFTWARE } from '../protocol/version.ts'
import { noteOfLink } from './access/access-notes.ts'
import { authenticateLocal } from './access/authenticator.ts'
import { DoorNotes } from './access/door-notes.ts'
import { NetworkDoor } from './access/network-door.ts'
import { claimEndpoint } from './claim-endpoint.ts'
import { type BrokerConfig, coreLimits } from './config.ts'
import { Connections } from './connections.ts'
import { type AccessPort, NO_DOOR, type RotationStep } from './core/access.ts'
import type { Clock } from './core/clock.ts'
import { Core } from './core/core.ts'
import { connectionName } from './core/readers.ts'
import type { Journal } from './journal/journal.ts'
import { openLmdbJournal } from './journal/lmdb-journal.ts'
import { connectionLimits, guardLimits } from './limit-settings.ts'
import { exposition } from './metrics/exposition.ts'
import type { View } from './metrics/metric.ts'
import type { SubscriptionOutcome } from './metrics/outcomes.ts'
import { openFilesLimit, processLoad } from './process-load.ts'
import { prepareForNetwork, type RouterPort, RouterSocket, sideOf } from './router-socket.ts'
import { type StreamsPort, StreamsSocket } from './streams-socket.ts'

/** Deadlines, heartbeats and HEADs are looked at this often, ms. */
const TICK_MS = 50
/** Connections that a key may open at once, after a rest. */
const KEY_BURST = 120

const realClock: Clock = { now: () => performance.now(), wall: () => Date.now() }

type State = 'new' | 'running' | 'draining' | 'stopped'

export class Broker {
  readonly #config: BrokerConfig
  readonly #log: Logger
  readonly #journal: Journal
  readonly #router: RouterSocket
  readonly #streams: StreamsSocket
  readonly #network: NetworkDoor | undefined
  readonly #connections: Connections
  readonly #core: Core
  readonly #lag = new LoopLag(realClock.now())
  readonly #subscriptions = new Map<SubscriptionOutcome, number>()
  readonly #notes = new DoorNotes({
    knockers: () => this.#core.knockers,
    now: () => realClock.now(),
    wall: () => realClock.wall(),
    log: {
      info: (fields, event) => this.#log.info(fields, event),
      warn: (fields, event) => this.#log.warn(fields, event),
    },
    connected: () => this.#remotePrincipals(),
    onLimit: (name) => this.#core.tally.reached(name),
    ownerOf: (key) => this.#core.principals.ownerOf(key),
    audit: {
      note: (note) => this.#core.audit.note(note),
      noteRefusal: (note) => this.#core.audit.noteRefusal(note),
    },
  })
  readonly #instance = newToken(randomBytes)
  #releases: (() => void)[] = []
  #endpoints: { endpoint: string; streams: string }
  #ticks: NodeJS.Timeout | undefined
  #dueFlush: NodeJS.Timeout | undefined
  #state: State = 'new'
  #stopping: Promise<void> | undefined
  #hasFailed = false
  #fail: (reason: string) => void = () => {}
  /** Resolves when the broker cannot go on. */
  readonly failed = new Promise<string>((resolve) => {
    this.#fail = resolve
  })

  /** Opens the journal. Throws IN_USE, STORAGE_FAILED, or BAD_CONFIG for a place of another user. */
  constructor(config: BrokerConfig, log: Logger) {
    this.#config = config
    this.#log = log
    this.#endpoints = { endpoint: config.places.endpoint, streams: config.streamsEndpoint }
    for (const directory of [config.places.stateDir, config.journalDir]) trustedDirectory(directory)
    this.#journal = openLmdbJournal({
      directory: config.journalDir,
      sync: config.journal_sync,
      maxCommitOperations: config.journal_commit_operations,
      maxCommitBytes: config.journal_commit_bytes,
    })
    if (config.listen !== undefined) prepareForNetwork()
    this.#router = new RouterSocket(this.#routerPort())
    this.#streams = new StreamsSocket({ ...this.#streamsPort(), flooded: () => {} })
    this.#connections = new Connections({
      limits: connectionLimits(config),
      link: this.#linkOptions(),
      sideOf,
      authenticate: (connection, hello) => this.#authenticate(connection, hello),
      welcome: (connection) => this.#welcome(connection),
      onEvent: (connection, event) => this.#event(connection, event),
      onReady: (connection) => this.#routerOf(connection).ready(connection),
      onLimit: (name) => this.#core.tally.reached(name),
    })
    this.#core = this.#buildCore()
    this.#network = this.#openNetwork()
  }

  #routerPort(): RouterPort {
    return {
      receive: (connection, frames) => this.#receive(connection, frames),
      notified: (connection) => this.#notified(connection),
      gone: (connection) => this.#gone(connection),
      next: (connection) => this.#connections.next(connection),
      flooded: (connection) => this.#flooded(connection),
      failed: (error) => this.#fatal(error),
    }
  }

  #streamsPort(): Omit<StreamsPort, 'flooded'> {
    return {
      redeem: (ticket) => this.#core.tickets.redeem(ticket)?.topic,
      subscribed: (ticket) => this.#core.subscribed(ticket),
      release: (ticket) => void this.#core.tickets.release(ticket),
      counted: (outcome) => count(this.#subscriptions, outcome),
      failed: (error) => this.#fatal(error),
    }
  }

  #publish(topic: string, messages: readonly Message[]): void {
    const all = this.#network ? [this.#streams, this.#network.publisher] : [this.#streams]
    const sockets = all.filter(({ hasReaders }) => hasReaders)
    if (sockets.length === 0) return
    const bundle = encodeBundle(messages)
    for (const socket of sockets) socket.publish(topic, bundle)
  }

  #routerOf(connection: string): RouterSocket {
    return (sideOf(connection) === 'network' && this.#network?.router) || this.#router
  }

  /** Throws BAD_CONFIG. */
  #openNetwork(): NetworkDoor | undefined {
    const { listen, listenStreams, advertise = '', keyFile } = this.#config
    if (listen === undefined || listenStreams === undefined) return undefined
    return new NetworkDoor({
      endpoint: listen,
      streams: listenStreams,
      advertised: advertise,
      keyFile,
      random: randomBytes,
      now: () => realClock.now(),
      principals: () => this.#core.principals,
      connects: { perSecond: this.#config.key_connects_per_second, burst: KEY_BURST },
      // One more than a principal may have is told so in the handshake; far more do not come as far.
      maxConnectionsOfKey: this.#config.principal_connections * 2,
      router: this.#routerPort(),
      subscriptions: this.#streamsPort(),
      guard: guardLimits(this.#config, openFilesLimit()),
      notes: this.#notes,
      left: () => this.#connections.sideGone('network', realClock.now()),
    })
  }

  *#remotePrincipals(): Generator<string> {
    for (const identity of this.#connections.identities()) {
      if (isRemote(identity)) yield identity.principal
    }
  }

  get endpoints(): { readonly endpoint: string; readonly streams: string } {
    return this.#endpoints
  }

  /** The door for other machines; undefined when it listens to no network. */
  get door() {
    return this.#network?.info()
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Resolves when requests are taken. Throws IN_USE or BAD_CONFIG; then nothing stays open. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error(`cannot start from ${this.#state}`)
    try {
      await this.#bind()
    } catch (thrown) {
      await this.stop()
      throw thrown
    }
    this.#state = 'running'
    this.#ticks = setInterval(this.#onTick(), TICK_MS)
    this.#flush()
  }

  async #bind(): Promise<void> {
    const umask = process.umask(0o077) // libzmq makes the socket files
    try {
      const { endpoint, streams } = this.#endpoints
      // One by one: when the second is in use, the first is given up again.
      for (const one of [endpoint, streams]) this.#releases.push(this.#claim(one))
      const bound = await bindOrExplain(endpoint, () => this.#router.bind(endpoint))
      if (!bound.hasNotify)
        this.#log.warn('ROUTER_NOTIFY is missing: lost peers are noticed by heartbeats alone')
      if (!this.#streams.hasManualSubscriptions)
        this.#log.warn('XPUB cannot map tickets: readers are served from the journal alone')
      const publisher = await bindOrExplain(streams, () => this.#streams.bind(streams))
      this.#endpoints = { endpoint: bound.endpoint, streams: publisher }
      const { listen = '' } = this.#config
      await bindOrExplain(listen, async () => this.#network?.bind())
    } finally {
      process.umask(umask)
    }
  }

  #claim(endpoint: string): () => void {
    const closed = (directory: string) =>
      this.#log.warn({ directory }, 'others could enter the directory of the sockets; closed it')
    return claimEndpoint(endpoint, { runtimeDir: this.#config.places.runtimeDir, closed })
  }

  /** Stops new work, waits for calls in flight up to the limit, says GOODBYE, closes. */
  async drain(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'draining'
      this.#core.drain()
      this.#log.info('broker draining')
      await this.#quiet(this.#config.drain_ms)
      this.#connections.goodbye(new ProtocolError('DRAINING', { part: 'broker' }))
      await this.#quiet(50) // GOODBYE leaves with the writer's next turn
    }
    await this.stop()
  }

  #quiet(maxMs: number): Promise<void> {
    const until = realClock.now() + maxMs
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#core.isQuiet || realClock.now() >= until) setImmediate(resolve)
        else setTimeout(look, 10)
      }
      setImmediate(look)
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#state = 'stopped'
    clearInterval(this.#ticks)
    clearTimeout(this.#dueFlush)
    await this.#router.close()
    await this.#network?.close()
    await this.#streams.close()
    await this.#journal.close()
    for (const release of this.#releases) release()
    this.#releases = []
  }

  #flush(): void {
    this.#core.flush()
    this.#flushWhenDue()
  }

  /** What waits for more to share its commit does not wait for the next tick. */
  #flushWhenDue(): void {
    const { dueInMs } = this.#core.batch
    if (dueInMs === undefined || this.#dueFlush || this.#state === 'stopped') return
    this.#dueFlush = setTimeout(() => {
      this.#dueFlush = undefined
      this.#flush()
    }, dueInMs)
  }

  #receive(connection: string, frames: readonly Buffer[]): void {
    if (this.#network?.hasFeignedEnd(connection)) return
    const refusal = this.#connections.receive(connection, frames, realClock.now())
    if (refusal) this.#routerOf(connection).sendOnce(connection, refusal)
    this.#flush()
  }

  /** A connect says nothing new; a disconnect is for a connection that is known. */
  #notified(connection: string): void {
    if (sideOf(connection) === 'network') this.#network?.notified(connection)
    if (this.#connections.has(connection)) this.#gone(connection)
  }

  #flooded(connection: string): void {
    if (sideOf(connection) === 'network') this.#network?.expel(connection)
  }

  #gone(connection: string): void {
    this.#connections.gone(connection, realClock.now())
    this.#routerOf(connection).forget(connection)
    this.#flush()
  }

  #event(connection: string, event: BrokerLinkEvent): void {
    if (event.type === 'message') this.#core.message(connection, event.identity, event.message)
    else if (event.type === 'unwelcome') {
      this.#core.connectionEnded(connection, 'it has to shake hands again', 'anew')
    } else if (event.type === 'ended') {
      this.#log.debug({ reason: event.reason }, 'connection ended')
      this.#record(connection, event)
      this.#core.connectionEnded(connection, event.reason)
    } else if (event.type === 'refused') this.#record(connection, event)
    else {
      const { principal, key } = event.identity
      const { software, role } = event.hello
      if (key !== undefined) this.#network?.told(key)
      this.#log.debug({ principal, software, role }, 'connection welcomed')
      this.#core.connectionBegan(connection)
    }
  }

  /** In the audit log, where it is worth a record. */
  #record(connection: string, event: Parameters<typeof noteOfLink>[0]): void {
    const key = sideOf(connection) === 'network' ? this.#network?.keyOf(connection) : undefined
    const owner = key === undefined ? '' : this.#core.principals.ownerOf(key)
    const note = noteOfLink(event, { connection: connectionName(connection), key, owner })
    if (note) this.#core.audit.noteRefusal(note)
  }

  #onTick(): () => void {
    let due = realClock.now() + TICK_MS
    return () => {
      const now = realClock.now()
      this.#lag.ran(due, now)
      due = now + TICK_MS
      this.#connections.tick(now)
      this.#core.tick()
      this.#flushWhenDue()
      this.#network?.look(processLoad())
    }
  }

  #authenticate(connection: string, hello: HelloBody): Verdict {
    if (sideOf(connection) === 'local' || !this.#network) return authenticateLocal(hello)
    return this.#network.authenticate(connection, hello)
  }

  #welcome(connection: string) {
    const network = sideOf(connection) === 'network' ? this.#network : undefined
    const next_key = network?.nextKey
    return {
      credit: this.#config.host_credit_bytes,
      epoch: this.#core.epoch,
      instance: this.#instance,
      software: SOFTWARE,
      streams: network?.streams ?? this.#endpoints.streams,
      resume: newToken(randomBytes),
      ...(next_key !== undefined && { next_key }),
    }
  }

  #access(): AccessPort {
    const isNamed = (principal: string) => (one: Identity) => one.principal === principal
    return {
      door: () => this.door ?? NO_DOOR,
      connectionsOf: (principal) =>
        [...this.#connections.identities()].filter(isNamed(principal)).length,
      changed: (principal) => this.#connections.greetAgain(isNamed(principal)),
      revoked: (principal, keys) => {
        const error = new ProtocolError('KEY_REVOKED', { key: `of ${principal}` })
        const isMeant = ({ key = '' }: Identity) => keys.has(key)
        return this.#connections.cut(isMeant, error, realClock.now())
      },
      toldNext: (key) => this.#network?.toldNext(key) ?? false,
      banish: (connection, error) => this.#connections.banish(connection, error, realClock.now()),
      rotate: (step, done) => void this.#rotated(step, done),
    }
  }

  async #rotated(
    step: RotationStep,
    done: (outcome: DoorInfo | ProtocolError) => void,
  ): Promise<void> {
    try {
      done(await this.#rotate(step))
    } catch (thrown) {
      done(ProtocolError.from(thrown, 'broker', 'no'))
    }
    this.#flush()
  }

  async #rotate(step: RotationStep) {
    if (!this.#network) {
      throw new ProtocolError('WRONG_STEP', { reason: 'this broker listens to no network' })
    }
    await this.#network.rotate(step)
    const { nextKey } = this.#network
    if (nextKey !== undefined) this.#tellNextKey(nextKey, this.#network)
    return this.#network.info()
  }

  #tellNextKey(key: string, network: NetworkDoor): void {
    const isRemote = (identity: Identity) => identity.key !== undefined
    this.#connections.tell(isRemote, { kind: 'NEXT_KEY', key }, EMPTY)
    for (const one of this.#connections.identities()) if (one.key) network.told(one.key)
  }

  #linkOptions() {
    const { heartbeat_ms, liveness_ms } = this.#config
    return {
      heartbeat: { heartbeatMs: heartbeat_ms, livenessMs: liveness_ms },
      outbox: OUTBOX_LIMITS,
      limits: LINK_LIMITS,
      health: () => ({
        loop_lag_ms: this.#lag.worstMs,
        in_flight: this.#core.calls.inFlight,
        progress_age_ms: NO_AGENT,
      }),
    }
  }

  #buildCore(): Core {
    const endpoints = () => this.#endpoints
    return new Core({
      clock: realClock,
      random: randomBytes,
      journal: this.#journal,
      limits: coreLimits(this.#config),
      surroundings: {
        software: SOFTWARE,
        instance: this.#instance,
        pid: process.pid,
        journalPath: this.#config.journalDir,
        get endpoint() {
          return endpoints().endpoint
        },
        get streams() {
          return endpoints().streams
        },
        loopLagMs: () => this.#lag.worstMs,
        rssBytes: () => process.memoryUsage.rss(),
      },
      send: (connection, head, body) => this.#connections.send(connection, head, body),
      publish: (topic, messages) => this.#publish(topic, messages),
      link: (connection) => this.#connections.evidence(connection, realClock.now()),
      access: this.#access(),
      connectionCount: () => this.#connections.size,
      metrics: () => exposition(this.#view()),
      log: (event, fields) => this.#log.info(fields, event),
    })
  }

  #view(): View {
    const { size: count, ends } = this.#connections
    const stuck = this.#router.stuckCount + (this.#network?.router.stuckCount ?? 0)
    return {
      core: this.#core,
      hostCreditBytes: this.#config.host_credit_bytes,
      connections: {
        ...{ count, ends, stuck, backlog: this.#connections.backlog() },
        greeting:
          this.#connections.greetingCount('local') + this.#connections.greetingCount('network'),
      },
      subscriptions: this.#subscriptions,
      keyAnswers: this.#notes.answers,
    }
  }

  /** A socket failed in a way that nothing here can mend: end, and let a supervisor start anew. */
  #fatal(error: unknown): void {
    this.#log.fatal({ err: error }, 'a socket failed')
    this.#hasFailed = true
    this.#fail('a socket failed')
  }
}

/** Over a network everybody has a key. */
function isRemote({ key }: Identity): boolean {
  return key !== undefined
}

function count<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

async function bindOrExplain<T>(endpoint: string, bind: () => Promise<T>): Promise<T> {
  try {
    return await bind()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EADDRINUSE') {
      throw new ProtocolError(
        'IN_USE',
        { what: `endpoint ${endpoint}`, owner: 'another process' },
        { cause },
      )
    }
    const reason = `cannot listen on ${endpoint}: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new ProtocolError('BAD_CONFIG', { source: 'endpoint', reason }, { cause })
  }
}
