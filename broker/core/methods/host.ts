/** host.list, host.get and host.register. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { NO_AGENT } from '../../../protocol/link/health.ts'
import type { Params } from '../../../protocol/methods/index.ts'
import type { HostInfo } from '../../../protocol/methods/types.ts'
import { deliverMissed } from '../approval-steps.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { endOnHost } from '../end.ts'
import { type Host, hostInfo } from '../hosts.ts'
import { isLeased, sessionFound, sessionGone } from '../lifecycle.ts'
import { giveMissedTurns, turnsTaken } from '../missed-turns.ts'
import { isLive, type SessionRecord } from '../sessions.ts'
import { visible } from '../visible.ts'
import { claimHost } from './host-claim.ts'
import { tellHost } from './session-pause.ts'

type Reported = Params<'host.register'>['sessions'][number]

export function hostList(core: Core, call: Call<'host.list'>): void {
  call.reply({ hosts: [...core.hosts.all()].map((host) => infoOf(core, call, host)) })
}

export function hostGet(core: Core, call: Call<'host.get'>): void {
  call.reply(infoOf(core, call, core.hosts.resolve(call.params.host)))
}

type HostCall = Call<'host.list'> | Call<'host.get'> | Call<'host.drain'> | Call<'host.undrain'>

export function infoOf(core: Core, call: HostCall, host: Host): HostInfo {
  const link = host.connection === undefined ? undefined : core.ports.link(host.connection)
  const draining = core.hosts.draining.has(host.id)
  const seen = visible(core, call)
  const info = hostInfo(host, { used: seen.used(host.id), draining }, link)
  // How busy its agents are says what others do.
  return seen.isLimited ? { ...info, in_flight: 0, progress_age_ms: NO_AGENT } : info
}

export function hostUsage(core: Core, call: Call<'host.usage'>): void {
  const host = core.hosts.byConnection(call.connection)
  if (!host) throw new ProtocolError('NO_SUCH_HOST', { host: 'on this connection' })
  core.usage.report(host.id, call.params.sessions, core.clock.now())
  call.reply({})
}

/** The host says what lives on it; what the broker thought lived there and does not, has failed. */
export function hostRegister(core: Core, call: Call<'host.register'>): void {
  const { params, connection } = call
  const registered = core.hosts.byConnection(connection)
  if (registered && registered.id !== params.host) {
    const reason = `this connection is host ${registered.id}`
    throw new ProtocolError('INVALID_PARAMS', { method: call.method, reason })
  }
  claimHost(core, call)
  if (!core.hosts.get(params.host)) {
    core.hosts.makeRoom(core.ports.limits.maxHosts, ({ id }) => core.sessions.used(id) > 0)
  }
  const earlier = core.hosts.get(params.host)?.connection
  // The same host on a new connection: requests that went to the old one are not answered any more.
  if (earlier !== undefined && earlier !== connection)
    core.hostCalls.connectionEnded(earlier, 'anew')
  const host = core.hosts.register(params, connection, core.clock.wall())
  core.ports.log('host registered', {
    host: host.id,
    name: params.name,
    sessions: params.sessions.length,
  })
  if (earlier === undefined) {
    const data = { name: params.name, slots: params.slots, sessions: params.sessions.length }
    core.tell({ topic: 'host', event: 'online', id: host.id, data })
  }
  const kept = params.sessions.map((reported) => keep(core, host, reported))
  const leases = params.sessions.map((reported) => leased(core, host, reported))
  const here = new Set(leases.map((record) => record?.session))
  for (const record of core.sessions.onHost(host.id)) {
    if (!here.has(record.session)) missing(core, host, record)
  }
  call.reply({ sessions: kept })
  for (const reported of params.sessions) {
    if (mayFallBack(core, host, reported)) decideLater(core, host, reported)
    else giveMissedWork(core, host, reported)
  }
}

/** The host is back without this session; one whose end is not on disk may yet fall back to life. */
function missing(core: Core, host: Host, record: SessionRecord): void {
  const { registration, connection } = host
  if (isLive(record)) {
    sessionGone(core, record, `host ${registration.name} no longer has it`)
    return
  }
  const { session, epoch } = record
  const isHere = registration.sessions.some((reported) => reported.session === session)
  if (isHere || core.streams.isSettled(session)) return
  core.batch.add([], () => {
    const isSame = host.registration === registration && host.connection === connection
    if (isSame && record.epoch <= epoch && core.sessions.get(session) === record) {
      missing(core, host, record)
    }
  })
}

/** It keeps a session for as long as its lease may come back. Then either it has, or the session ends. */
function decideLater(core: Core, host: Host, reported: Reported): void {
  const { connection } = host
  core.batch.add([], () => {
    if (connection === undefined || host.connection !== connection) return // it reports anew
    if (mayFallBack(core, host, reported)) {
      decideLater(core, host, reported)
      return
    }
    const record = leased(core, host, reported)
    if (record && isLive(record)) {
      found(core, host, record, reported)
      giveMissedWork(core, host, reported)
    } else if (reported.pid !== null) {
      const { session, epoch } = reported
      const request = { method: 'agent.kill', params: { session, epoch } } as const
      core.hostCalls.request(host, request, () => {})
    }
  })
}

function found(core: Core, host: Host, record: SessionRecord, reported: Reported): void {
  sessionFound(core, record, reported.pid, () => {
    if (!isLeased(core, record, reported.epoch)) return
    found(core, host, record, reported)
    endAgain(core, host, record)
  })
}

/** A stop that was accepted and then cut short. */
function endAgain(core: Core, host: Host, record: SessionRecord): void {
  if (record.status !== 'stopping') return
  endOnHost(core, host, { record, epoch: record.epoch, method: 'agent.stop' }, () => {})
}

/** Whether a later lease has been given out that is not on disk, and may fall back to this one. */
function mayFallBack(core: Core, host: Host, { session, epoch }: Reported): boolean {
  const record = core.sessions.get(session)
  if (!record || record.host !== host.id || record.epoch <= epoch) return false
  return !core.streams.isSettled(session)
}

function leased(core: Core, host: Host, { session, epoch }: Reported): SessionRecord | undefined {
  const record = core.sessions.get(session)
  return record && record.host === host.id && record.epoch === epoch ? record : undefined
}

function keep(core: Core, host: Host, reported: Reported) {
  const record = leased(core, host, reported)
  const { session } = reported
  if (mayFallBack(core, host, reported)) return { session, keep: true, acknowledged: 0 }
  const hasProcess = reported.pid !== null
  if (!record || (hasProcess && !isLive(record))) return { session, keep: false, acknowledged: 0 }
  // One that has ended may have chunks to deliver, its end among them.
  if (isLive(record)) found(core, host, record, reported)
  return { session, keep: true, acknowledged: core.streams.of(session).producerDurable }
}

/** What was accepted but never reached the host: a pause, answers, turns, the end. It ignores what it has. */
function giveMissedWork(core: Core, host: Host, reported: Reported): void {
  const record = leased(core, host, reported)
  if (!record || !isLive(record)) return
  turnsTaken(core, record, reported.turn)
  if (record.status === 'stopping') {
    endAgain(core, host, record)
    return
  }
  if (reported.pid !== null && (reported.paused ?? '') !== record.paused) {
    tellHost(core, record, '', (error) => {
      if (error) core.ports.log('pause not carried out', { session: record.session, error })
    })
  }
  deliverMissed(core, record.session)
  giveMissedTurns(core, host, record, reported.turn)
}
