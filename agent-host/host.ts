/** The composition root of an agent host: registers with the broker, answers it, sends what agents write. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Message } from '../protocol/bundle.ts'
import { decodeBody, encode } from '../protocol/codec.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { RequestIds } from '../protocol/ids.ts'
import { LoopLag, NO_AGENT } from '../protocol/link/health.ts'
import { PeerConnection } from '../protocol/link/peer-connection.ts'
import type { LinkEvent } from '../protocol/link/peer-link.ts'
import { ErrorBody } from '../protocol/messages/calls.ts'
import type { HeadFor } from '../protocol/messages/index.ts'
import { type HostMethod, isMethod, METHODS, type Result } from '../protocol/methods/index.ts'
import type { BackendInfo } from '../protocol/methods/types.ts'
import { SOFTWARE } from '../protocol/version.ts'
import { createBackends } from './backends/index.ts'
import type { HostConfig } from './config.ts'
import { hostId } from './host-id.ts'
import { lockHost } from './host-lock.ts'
import { type Found, LiveSessions } from './live-sessions.ts'
import { Outflow } from './outflow.ts'
import { childEnvironment } from './process/environment.ts'
import { GuardianLink } from './process/guardian-link.ts'
import { hostMarkers } from './process/markers.ts'
import { endOrphans } from './process/orphans.ts'
import { createProbe } from './process/probe.ts'
import { ProcessTree } from './process/process-tree.ts'
import type { StopContext } from './process/stop.ts'
import { happensWithin, realTimers, sleep } from './process/timers.ts'
import { REQUEST_HANDLERS, type RequestContext } from './requests.ts'
import { openDealer } from './sockets.ts'

const TICK_MS = 100
/** A drain waits this long for the last chunks to be acknowledged, ms. */
const DRAIN_MS = 5000
/** A registration that failed for a while is tried again after this, ms. */
const REGISTER_AGAIN_MS = 1000

export type HostNotice =
  | { readonly type: 'registered'; readonly backends: readonly BackendInfo[] }
  | { readonly type: 'away'; readonly reason: string }
  | { readonly type: 'refused'; readonly error: ProtocolError }

export class AgentHost {
  readonly id: string
  readonly #config: HostConfig
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #log: Logger
  readonly #notice: (notice: HostNotice) => void
  readonly #unlock: () => void
  readonly #stop: StopContext
  readonly #guardian: GuardianLink
  readonly #connection: PeerConnection
  readonly #outflow = new Outflow((head, body) => this.#connection.send(head, body))
  readonly #sessions = new LiveSessions(this.#outflow)
  readonly #backends = new Map<string, Found>()
  readonly #ids = new RequestIds()
  /** Requests of the broker under way, by id. A new one with each connection: a broker counts anew. */
  #answering = new Map<string, AbortController>()
  readonly #lag = new LoopLag(realTimers.now())
  #registration = ''
  #credit = 0
  #progressAt: number | undefined
  #isPumping = false
  #ticks: NodeJS.Timeout | undefined
  #draining: Promise<void> | undefined

  /** Throws BAD_CONFIG for an endpoint that cannot be one, IN_USE when this host runs already. */
  constructor(
    config: HostConfig,
    env: Readonly<Record<string, string | undefined>>,
    log: Logger,
    notice: (notice: HostNotice) => void,
  ) {
    this.#config = config
    this.#env = env
    this.#log = log
    this.#notice = notice
    const tree = new ProcessTree()
    this.#unlock = lockHost(config.places.stateDir, config.name, tree)
    this.id = hostId(config.places.stateDir, config.name, randomBytes)
    this.#stop = { tree, timers: realTimers, times: { eofMs: config.stop_ms } }
    this.#guardian = new GuardianLink({
      hostId: this.id,
      host: tree.self(),
      timers: realTimers,
      onTrouble: (error) => log.warn({ error: error.message }, 'guardian lost'),
    })
    this.#connection = new PeerConnection({
      endpoint: config.places.endpoint,
      role: 'host',
      principal: 'local',
      software: SOFTWARE,
      dealer: openDealer,
      now: () => realTimers.now(),
      random: Math.random,
      health: () => this.#health(),
      onEvent: (event) => this.#event(event),
    })
  }

  /** Cleans up after an earlier life, looks for CLIs, and begins to look for the broker. */
  async start(): Promise<void> {
    const { tree, timers } = this.#stop
    const orphans = await endOrphans({ hostId: this.id, tree, timers })
    if (orphans.length > 0) this.#log.warn({ orphans }, 'ended what an earlier host left behind')
    await this.#guardian.start()
    await this.#detect()
    this.#connection.start()
    this.#ticks = setInterval(this.#onTick(), TICK_MS)
  }

  async #detect(): Promise<void> {
    const rules = { hostId: this.#config.name, passOn: this.#config.pass_env, settable: [] }
    const probe = createProbe({
      ...this.#stop,
      env: childEnvironment(this.#env, {}, rules),
      markers: hostMarkers(this.id, this.#stop.tree.self()),
    })
    const backends = Object.values(
      createBackends({ claude: { command: this.#config.claude_command } }),
    )
    for (const [backend, detection] of await Promise.all(
      backends.map(async (backend) => [backend, await backend.detect(probe)] as const),
    )) {
      this.#backends.set(backend.name, { backend, detection })
    }
  }

  /** Stops every session, delivers what they wrote, says GOODBYE. Idempotent, never rejects. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  async #drain(): Promise<void> {
    const runners = this.#sessions.all()
    const deliveries = runners.map(async ({ options }) => this.#sessions.delivered(options.session))
    await Promise.allSettled(runners.map((runner) => runner.stop('its host was shut down')))
    this.#pump()
    await happensWithin(realTimers, Promise.all(deliveries), DRAIN_MS)
    clearInterval(this.#ticks)
    await this.#connection.close(() => sleep(realTimers, 250))
    await this.#guardian.stop()
    this.#unlock()
  }

  #onTick(): () => void {
    let due = realTimers.now() + TICK_MS
    return () => {
      const now = realTimers.now()
      this.#lag.ran(due, now)
      due = now + TICK_MS
      this.#connection.tick(now)
      this.#outflow.tick(now)
    }
  }

  #health() {
    const age = this.#progressAt === undefined ? NO_AGENT : realTimers.now() - this.#progressAt
    return {
      loop_lag_ms: this.#lag.worstMs,
      in_flight: this.#answering.size,
      progress_age_ms: Math.round(age),
    }
  }

  #event(event: LinkEvent): void {
    switch (event.type) {
      case 'welcomed':
        this.#credit = event.welcome.credit
        this.#answering = new Map()
        this.#register()
        break
      case 'lost':
        this.#outflow.close()
        this.#log.warn({ reason: event.reason }, 'broker lost')
        this.#notice({ type: 'away', reason: event.reason })
        break
      case 'silent':
        this.#notice({ type: 'away', reason: this.#connection.trouble ?? 'no answer' })
        break
      case 'refused':
        this.#notice({ type: 'refused', error: event.error })
        break
      case 'complaint':
        this.#complaint(event.error)
        break
      case 'message':
        this.#message(event.message)
        break
    }
  }

  #register(): void {
    const { name, labels, slots } = this.#config
    this.#registration = this.#ids.next()
    const params = {
      host: this.id,
      name,
      labels,
      slots,
      backends: this.#backendInfos(),
      sessions: this.#sessions.report(),
      software: SOFTWARE,
      pid: process.pid,
    }
    const head = { kind: 'REQUEST', id: this.#registration, method: 'host.register' } as const
    this.#connection.send(
      { ...head, target: '', remaining_ms: 0, key: '', trace: '' },
      encode(params),
    )
  }

  #backendInfos(): BackendInfo[] {
    return [...this.#backends.values()].map(({ backend, detection }) => ({
      name: backend.name,
      title: backend.title,
      available: detection.available,
      // What a CLI says of itself must not make the broker refuse the host.
      version: detection.available ? detection.version.slice(0, 256) : '',
      reason: detection.available ? '' : detection.reason.slice(0, 1024),
      capabilities: Object.entries(backend.capabilities)
        .filter(([, can]) => can)
        .map(([capability]) => capability),
    }))
  }

  #registered(result: Result<'host.register'>): void {
    const now = realTimers.now()
    for (const { session, keep, acknowledged } of result.sessions) {
      const runner = this.#sessions.all().find(({ options }) => options.session === session)
      if (!runner) continue
      if (keep) this.#outflow.resume(session, acknowledged, now)
      else void this.#sessions.revoke(session, runner.options.epoch)
      this.#sessions.settle(session)
    }
    this.#outflow.open(this.#credit)
    this.#pump()
    this.#log.info({ host: this.id, sessions: result.sessions.length }, 'host registered')
    this.#notice({ type: 'registered', backends: this.#backendInfos() })
  }

  /** SEQUENCE_HOLE and FENCED speak of one session; the rest is for the log. */
  #complaint(error: ProtocolError): void {
    const { session, expected, epoch } = error.details
    this.#log.warn({ code: error.code, error: error.message }, 'broker complained')
    if (error.code === 'SEQUENCE_HOLE' && typeof expected === 'number') {
      this.#outflow.missed(String(session), expected, realTimers.now())
      this.#pump()
    } else if (error.code === 'FENCED' && typeof epoch === 'number') {
      void this.#sessions.revoke(String(session), epoch)
    }
  }

  #message({ head, body }: Message): void {
    switch (head.kind) {
      case 'REQUEST':
        void this.#answer(head, body)
        break
      case 'CANCEL':
        this.#answering.get(head.id)?.abort()
        break
      case 'REPLY':
      case 'ERROR':
        if (head.id === this.#registration) this.#registrationEnded(head.kind, body)
        break
      case 'APPENDED':
        this.#appended(head)
        break
      case 'CREDIT':
        this.#outflow.granted(head.bytes)
        this.#pump()
        break
      default:
        this.#log.warn({ kind: head.kind }, 'message is not for a host')
    }
  }

  #registrationEnded(kind: 'REPLY' | 'ERROR', body: Buffer): void {
    if (kind === 'REPLY') this.#registered(decodeBody(METHODS['host.register'].result, body))
    else this.#registrationFailed(ProtocolError.fromWire(decodeBody(ErrorBody, body)))
  }

  #registrationFailed(error: ProtocolError): void {
    if (!error.retryable) {
      this.#notice({ type: 'refused', error })
      return
    }
    const failed = this.#registration
    const again = () => {
      if (this.#registration === failed) this.#register()
    }
    setTimeout(again, REGISTER_AGAIN_MS).unref()
  }

  #appended({ session, epoch, sequence }: HeadFor<'APPENDED'>): void {
    this.#outflow.acknowledged(session, epoch, sequence, realTimers.now())
    this.#sessions.settle(session)
    this.#pump()
  }

  /** Answers a request of the broker: exactly one REPLY or ERROR, to the connection that asked. */
  async #answer(head: HeadFor<'REQUEST'>, body: Buffer): Promise<void> {
    const answering = this.#answering
    const controller = new AbortController()
    answering.set(head.id, controller)
    const answer = await this.#outcome(head, body, controller.signal)
    answering.delete(head.id)
    // Another connection has other requests under the same ids.
    if (answering === this.#answering) this.#connection.send(answer.head, answer.body)
  }

  async #outcome({ id, method: name }: HeadFor<'REQUEST'>, body: Buffer, signal: AbortSignal) {
    try {
      const method = hostMethod(name)
      if (method === 'agent.start' && this.#draining) {
        throw new ProtocolError('DRAINING', { part: 'host' }, { where: 'host' })
      }
      const result = await this.#run(method, body, signal)
      return { head: { kind: 'REPLY', id }, body: encode(result) } as const
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'host', 'unknown')
      if (error.code === 'INTERNAL') this.#log.error({ err: thrown, method: name }, 'defect')
      return { head: { kind: 'ERROR', id }, body: encode(error.toWire()) } as const
    }
  }

  #run<M extends HostMethod>(method: M, body: Buffer, signal: AbortSignal): Promise<Result<M>> {
    const params = decodeBody(METHODS[method].params, body, 'INVALID_PARAMS', { method })
    return REQUEST_HANDLERS[method](this.#requestContext(), params as never, signal)
  }

  #requestContext(): RequestContext {
    return {
      hostId: this.id,
      config: this.#config,
      env: this.#env,
      backends: this.#backends,
      sessions: this.#sessions,
      stop: this.#stop,
      onChunks: () => this.#pump(),
      onProgress: () => {
        this.#progressAt = realTimers.now()
      },
    }
  }

  /** At the end of the current task, so that the chunks of one read leave in one bundle. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#outflow.pump(realTimers.now())
    })
  }
}

function hostMethod(name: string): HostMethod {
  if (isMethod(name) && METHODS[name].answeredBy === 'host') return name as HostMethod
  throw new ProtocolError('UNKNOWN_METHOD', { method: name }, { where: 'host' })
}
