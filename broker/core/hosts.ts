/** Agent hosts as the broker knows them, and which of them takes a new session. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { HealthEvidence } from '../../protocol/link/health.ts'
import type { Params } from '../../protocol/methods/index.ts'
import type { BackendInfo, HostInfo, HostStatus } from '../../protocol/methods/types.ts'

type Registration = Params<'host.register'>

export interface Host {
  readonly id: string
  registration: Registration
  /** Connection of a host that is here. */
  connection: string | undefined
  /** When it came or went, ms since 1970. */
  since: number
  /** When it went, monotonic ms. */
  leftAt: number
}

/** What the link of a connection knows about its peer. */
export interface LinkEvidence {
  readonly silentMs: number
  readonly evidence: HealthEvidence | undefined
}

/** A connected host whose last message is older than this is shown as silent, ms. */
export const SILENT_AFTER_MS = 3000

export interface PlacementRequest {
  readonly backend: string
  readonly host?: string
  readonly labels?: readonly string[]
}

export class Hosts {
  readonly #hosts = new Map<string, Host>()
  readonly #byConnection = new Map<string, Host>()
  /** Ids of hosts that get no new session. */
  readonly draining = new Set<string>()

  register(registration: Registration, connection: string, wallMs: number): Host {
    const host = this.#hosts.get(registration.host) ?? {
      id: registration.host,
      registration,
      connection: undefined,
      since: wallMs,
      leftAt: 0,
    }
    if (host.connection !== undefined) this.#byConnection.delete(host.connection)
    if (host.connection !== connection) host.since = wallMs
    host.registration = registration
    host.connection = connection
    this.#hosts.set(host.id, host)
    this.#byConnection.set(connection, host)
    return host
  }

  /** The host that this connection was, if it was one. */
  connectionEnded(
    connection: string,
    { wallMs, now }: { readonly wallMs: number; readonly now: number },
  ): Host | undefined {
    const host = this.#byConnection.get(connection)
    if (!host) return undefined
    this.#byConnection.delete(connection)
    host.connection = undefined
    host.since = wallMs
    host.leftAt = now
    return host
  }

  byConnection(connection: string): Host | undefined {
    return this.#byConnection.get(connection)
  }

  get(id: string): Host | undefined {
    return this.#hosts.get(id)
  }

  /** Makes room for one that is new: forgets the one that is away longest. Throws OVERLOADED. */
  makeRoom(limit: number, isNeeded: (host: Host) => boolean): void {
    if (this.#hosts.size < limit) return
    const [oldest] = [...this.#hosts.values()]
      .filter((host) => host.connection === undefined && !isNeeded(host))
      .sort((a, b) => a.since - b.since)
    if (!oldest) throw new ProtocolError('OVERLOADED', { what: 'the table of hosts', limit })
    this.#hosts.delete(oldest.id)
  }

  all(): Iterable<Host> {
    return this.#hosts.values()
  }

  onlineCount(): number {
    return this.#byConnection.size
  }

  /** By id or by name. Throws NO_SUCH_HOST. */
  resolve(reference: string): Host {
    const host =
      this.#hosts.get(reference) ??
      [...this.#hosts.values()].find(({ registration }) => registration.name === reference)
    if (!host) throw new ProtocolError('NO_SUCH_HOST', { host: reference })
    return host
  }

  /**
   * The host for a new session: the one asked for, or the one with the most free slots that has the
   * labels and the backend. Throws NO_HOST, NO_SUCH_HOST, NO_BACKEND or AT_CAPACITY, at once.
   */
  place(request: PlacementRequest, used: (host: string) => number): Host {
    const here = this.#candidates(request)
    const able = here.filter((host) => backendOf(host, request.backend)?.available)
    if (able.length === 0) throw noBackend(request.backend, here)
    const free = able
      .map((host) => ({ host, free: host.registration.slots - used(host.id) }))
      .sort((a, b) => b.free - a.free)[0]
    if (!free || free.free <= 0) {
      const slots = able.reduce((sum, host) => sum + host.registration.slots, 0)
      throw new ProtocolError('AT_CAPACITY', { slots })
    }
    return free.host
  }

  #candidates({ host, labels = [] }: PlacementRequest): Host[] {
    if (host !== undefined) {
      const named = this.resolve(host)
      if (named.connection === undefined) throw new ProtocolError('HOST_LOST', { host })
      if (this.draining.has(named.id)) throw new ProtocolError('HOST_DRAINING', { host })
      return [named]
    }
    const online = [...this.#hosts.values()].filter(({ connection }) => connection !== undefined)
    if (online.length === 0) throw new ProtocolError('NO_HOST', { reason: 'none is connected' })
    const open = online.filter(({ id }) => !this.draining.has(id))
    if (open.length === 0) throw new ProtocolError('NO_HOST', { reason: 'all are being drained' })
    const labelled = open.filter(({ registration }) =>
      labels.every((label) => registration.labels.includes(label)),
    )
    if (labelled.length > 0) return labelled
    throw new ProtocolError('NO_HOST', { reason: `none has the labels ${labels.join(', ')}` })
  }
}

function backendOf(host: Host, name: string): BackendInfo | undefined {
  return host.registration.backends.find((backend) => backend.name === name)
}

function noBackend(backend: string, hosts: readonly Host[]): ProtocolError {
  const reasons = hosts
    .map((host) => backendOf(host, backend)?.reason)
    .filter((reason) => reason !== undefined && reason !== '')
  const known = new Set(
    hosts.flatMap(({ registration }) =>
      registration.backends.filter(({ available }) => available).map(({ name }) => name),
    ),
  )
  const reason = reasons[0] ?? `they offer ${[...known].join(', ') || 'nothing'}`
  return new ProtocolError('NO_BACKEND', { backend, reason })
}

export function hostInfo(
  host: Host,
  { used, draining }: Pick<HostInfo, 'used' | 'draining'>,
  link: LinkEvidence | undefined,
): HostInfo {
  const { registration } = host
  return {
    host: host.id,
    name: registration.name,
    status: statusOf(host, link),
    draining,
    labels: registration.labels,
    slots: registration.slots,
    used,
    backends: registration.backends,
    software: registration.software,
    pid: registration.pid,
    since: host.since,
    heard_ms: Math.round(link?.silentMs ?? 0),
    loop_lag_ms: link?.evidence?.loop_lag_ms ?? 0,
    in_flight: link?.evidence?.in_flight ?? 0,
    progress_age_ms: link?.evidence?.progress_age_ms ?? -1,
  }
}

export function statusOf(host: Host, link: LinkEvidence | undefined): HostStatus {
  if (host.connection === undefined || !link) return 'offline'
  return link.silentMs > SILENT_AFTER_MS ? 'silent' : 'online'
}
