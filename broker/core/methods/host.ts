/** host.list, host.get and host.register. */
import { decodeTrusted } from '../../../protocol/codec.ts'
import type { ChunkBody } from '../../../protocol/messages/chunk.ts'
import type { Params } from '../../../protocol/methods/index.ts'
import type { HostInfo } from '../../../protocol/methods/types.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { type Host, hostInfo } from '../hosts.ts'
import { sessionFound, sessionGone } from '../lifecycle.ts'
import { isLive, type OpenTurn, type SessionRecord } from '../sessions.ts'

type Reported = Params<'host.register'>['sessions'][number]

export function hostList(core: Core, call: Call<'host.list'>): void {
  call.reply({ hosts: [...core.hosts.all()].map((host) => infoOf(core, host)) })
}

export function hostGet(core: Core, call: Call<'host.get'>): void {
  call.reply(infoOf(core, core.hosts.resolve(call.params.host)))
}

function infoOf(core: Core, host: Host): HostInfo {
  const link = host.connection === undefined ? undefined : core.ports.link(host.connection)
  return hostInfo(host, core.sessions.used(host.id), link)
}

/** The host says what lives on it; what the broker thought lived there and does not, has failed. */
export function hostRegister(core: Core, call: Call<'host.register'>): void {
  const { params, connection } = call
  const earlier = core.hosts.get(params.host)?.connection
  // The same host on a new connection: requests that went to the old one are not answered any more.
  if (earlier !== undefined && earlier !== connection) core.hostCalls.connectionEnded(earlier)
  const host = core.hosts.register(params, connection, core.clock.wall())
  core.ports.log('host registered', {
    host: host.id,
    name: params.name,
    sessions: params.sessions.length,
  })
  const kept = params.sessions.map((reported) => keep(core, host, reported))
  const here = new Set(params.sessions.map(({ session }) => session))
  for (const record of core.sessions.onHost(host.id)) {
    if (isLive(record) && !here.has(record.session)) {
      sessionGone(core, record, `host ${params.name} no longer has it`)
    }
  }
  call.reply({ sessions: kept })
  for (const reported of params.sessions) giveMissedTurns(core, host, reported)
}

function leased(core: Core, host: Host, { session, epoch }: Reported): SessionRecord | undefined {
  const record = core.sessions.get(session)
  return record && record.host === host.id && record.epoch === epoch ? record : undefined
}

function keep(core: Core, host: Host, reported: Reported) {
  const record = leased(core, host, reported)
  const { session } = reported
  // One that has ended here but not yet in the journal still has chunks to deliver.
  if (!record || !isLive(record)) return { session, keep: false, acknowledged: 0 }
  sessionFound(core, record, reported.pid)
  return { session, keep: true, acknowledged: core.streams.of(session).producerDurable }
}

/** Turns that were accepted but never reached the host. It ignores those that it has. */
function giveMissedTurns(core: Core, host: Host, reported: Reported): void {
  const record = leased(core, host, reported)
  if (!record || !isLive(record)) return
  for (const open of record.open.filter(({ turn }) => turn > reported.turn)) {
    const text = promptText(core, record.session, open)
    if (text === undefined) continue
    const { session, epoch } = record
    core.hostCalls.request(
      host,
      {
        method: 'agent.prompt',
        params: { session, epoch, turn: open.turn, text, when_busy: 'queue' },
      },
      (answer) => {
        if (!answer.ok)
          core.ports.log('missed turn refused', {
            session,
            turn: open.turn,
            error: answer.error.code,
          })
      },
    )
  }
}

function promptText(core: Core, session: string, { sequence }: OpenTurn): string | undefined {
  const range = { from: sequence, to: sequence, maxCount: 1, maxBytes: 1 }
  const [chunk] = core.journal.read(session, range).chunks
  return chunk && (decodeTrusted(chunk.body) as ChunkBody<'prompt'>).text
}
