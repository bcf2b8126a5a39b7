/** The composition root of an agent host: its identity, its backends, its processes and their clean-up. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { ProtocolError } from '../protocol/errors.ts'
import { credentialsOf } from '../protocol/keys/peer-keys.ts'
import { LoopLag, NO_AGENT } from '../protocol/link/health.ts'
import type { HostMethod, Params, Result } from '../protocol/methods/index.ts'
import type { BackendInfo } from '../protocol/methods/types.ts'
import { peerKeys } from '../protocol/process/peer-keys.ts'
import { distrustOf, trustedDirectory } from '../protocol/process/private-place.ts'
import { SOFTWARE } from '../protocol/version.ts'
import { allowedBackends } from './allowed.ts'
import type { Backend } from './backends/backend.ts'
import { hostBackends } from './backends/index.ts'
import { backendOptions, type HostConfig, keyName } from './config.ts'
import { Dialogue, type DialogueNotice } from './dialogue.ts'
import { hostId } from './host-id.ts'
import { lockHost } from './host-lock.ts'
import type { Found } from './live-sessions.ts'
import { ChildProcess } from './process/child-process.ts'
import { childEnvironment } from './process/environment.ts'
import { GuardianLink } from './process/guardian-link.ts'
import { hostMarkers } from './process/markers.ts'
import { endOrphans } from './process/orphans.ts'
import { createProbe } from './process/probe.ts'
import { ProcessTree } from './process/process-tree.ts'
import type { StopContext } from './process/stop.ts'
import { happensWithin, realTimers, sleep } from './process/timers.ts'
import { settled } from './programs.ts'
import { REQUEST_HANDLERS, type RequestContext } from './requests.ts'
import { dealerWith } from './sockets.ts'
import { USAGE_MS, usageReport } from './usage-report.ts'
import { Roots } from './working-directory.ts'

const TICK_MS = 100
/** A drain waits this long for the last chunks to be acknowledged, ms. */
const DRAIN_MS = 5000

export type HostNotice =
  | { readonly type: 'registered'; readonly backends: readonly BackendInfo[] }
  | Exclude<DialogueNotice, { readonly type: 'registered' }>

export class AgentHost {
  readonly id: string
  readonly #config: HostConfig
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #log: Logger
  readonly #tell: (notice: HostNotice) => void
  readonly #unlock: () => void
  readonly #stop: StopContext
  readonly #guardian: GuardianLink
  readonly #dialogue: Dialogue
  readonly #known: readonly Backend[]
  readonly #roots: Roots
  readonly #backends = new Map<string, Found>()
  readonly #lag = new LoopLag(realTimers.now())
  #progressAt: number | undefined
  #ticks: NodeJS.Timeout | undefined
  #draining: Promise<void> | undefined

  /** Throws BAD_CONFIG for an endpoint, a backend or a root that cannot be one, IN_USE when it runs already. */
  constructor(
    config: HostConfig,
    env: Readonly<Record<string, string | undefined>>,
    log: Logger,
    notice: (notice: HostNotice) => void,
  ) {
    this.#config = config
    this.#env = env
    this.#log = log
    this.#tell = notice
    this.#known = allowedBackends(hostBackends(backendOptions(config)), config)
    this.#roots = new Roots(config.roots, config.name)
    trustedDirectory(config.places.stateDir)
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
    const known = peerKeys(
      { settings: config.access, places: config.places, name: keyName(config.name) },
      randomBytes,
    )
    this.#dialogue = new Dialogue({
      endpoint: config.places.endpoint,
      dealer: dealerWith(known?.keys),
      credentials: known && credentialsOf(known.keys),
      distrust: distrustOf(config.places.endpoint, config.access),
      learnKey: (key) => known?.learn(key),
      timers: realTimers,
      random: Math.random,
      registration: () => this.#registration(),
      health: () => this.#health(),
      run: (method, params, signal) => this.#run(method, params, signal),
      notice: (given) => this.#notice(given),
      buffers: { sessionBytes: config.session_buffer_bytes, allBytes: config.buffer_bytes },
      log,
    })
  }

  /** Cleans up after an earlier life, looks for CLIs, and begins to look for the broker. */
  async start(): Promise<void> {
    const { tree, timers } = this.#stop
    const orphans = await endOrphans({ hostId: this.id, tree, timers })
    if (orphans.length > 0) this.#log.warn({ orphans }, 'ended what an earlier host left behind')
    await this.#guardian.start()
    await this.#detect()
    this.#dialogue.start()
    this.#ticks = setInterval(this.#onTick(), TICK_MS)
  }

  async #detect(): Promise<void> {
    const rules = { hostId: this.#config.name, passOn: this.#config.pass_env, settable: [] }
    const env = childEnvironment(this.#env, {}, rules)
    const probe = createProbe({
      ...this.#stop,
      env,
      markers: hostMarkers(this.id, this.#stop.tree.self()),
    })
    for (const [backend, detection] of await Promise.all(
      this.#known.map(async (backend) => [backend, await backend.detect(probe)] as const),
    )) {
      this.#backends.set(backend.name, { backend, detection: settled(detection, env['PATH']) })
    }
  }

  /** Stops every session, delivers what they wrote, says GOODBYE. Idempotent, never rejects. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  async #drain(): Promise<void> {
    const { sessions } = this.#dialogue
    const runners = sessions.all()
    const deliveries = runners.map(async ({ options }) => sessions.delivered(options.session))
    await Promise.allSettled(runners.map((runner) => runner.stop('its host was shut down')))
    this.#dialogue.pump()
    await happensWithin(realTimers, Promise.all(deliveries), DRAIN_MS)
    clearInterval(this.#ticks)
    await this.#dialogue.close(() => sleep(realTimers, 250))
    await this.#guardian.stop()
    this.#unlock()
  }

  #onTick(): () => void {
    let due = realTimers.now() + TICK_MS
    let reportDue = 0
    return () => {
      const now = realTimers.now()
      this.#lag.ran(due, now)
      due = now + TICK_MS
      this.#dialogue.tick(now)
      if (now < reportDue) return
      reportDue = now + USAGE_MS
      this.#dialogue.reportUsage(usageReport(this.#stop.tree, this.#dialogue.sessions.all()))
    }
  }

  #notice(notice: DialogueNotice): void {
    if (notice.type === 'registered') this.#tell({ ...notice, backends: this.#backendInfos() })
    else this.#tell(notice)
  }

  #health() {
    const age = this.#progressAt === undefined ? NO_AGENT : realTimers.now() - this.#progressAt
    return {
      loop_lag_ms: this.#lag.worstMs,
      progress_age_ms: Math.round(age),
    }
  }

  #registration(): Omit<Params<'host.register'>, 'sessions'> {
    const { name, labels, slots } = this.#config
    return {
      host: this.id,
      name,
      labels,
      slots,
      backends: this.#backendInfos(),
      software: SOFTWARE,
      pid: process.pid,
    }
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

  #run<M extends HostMethod>(
    method: M,
    params: Params<M>,
    signal: AbortSignal,
  ): Promise<Result<M>> {
    if (method === 'agent.start' && this.#draining) {
      throw new ProtocolError('DRAINING', { part: 'host' }, { where: 'host' })
    }
    return REQUEST_HANDLERS[method](this.#requestContext(), params, signal)
  }

  #requestContext(): RequestContext {
    return {
      hostId: this.id,
      config: this.#config,
      roots: this.#roots,
      env: this.#env,
      backends: this.#backends,
      sessions: this.#dialogue.sessions,
      stop: this.#stop,
      startChild: (options, events) => ChildProcess.start(options, events),
      onChunks: () => this.#dialogue.pump(),
      onProgress: () => {
        this.#progressAt = realTimers.now()
      },
    }
  }
}
