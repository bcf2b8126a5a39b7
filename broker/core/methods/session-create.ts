/** session.create: places a session on a host and starts its process there, or leaves that to its first prompt. */
import { newUuid } from '../../../protocol/ids.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { Story } from '../lifecycle.ts'
import { metadataOf } from '../metadata.ts'
import { placement } from '../recover.ts'
import { infoOf } from '../session-info.ts'
import type { SessionRecord } from '../sessions.ts'
import { startOnHost } from '../start.ts'

export function sessionCreate(core: Core, call: Call<'session.create'>): void {
  core.sessions.requireRoom(call.identity.principal, core.ports.limits.maxSessions)
  const record = newRecord(core, call)
  core.sessions.claimName(record.name, record.owner)
  if (record.status === 'starting') record.host = placement(core, record, call.params)
  core.sessions.add(record)
  const story = new Story(core, record)
  story.add('status', 0, { status: record.status })
  story.event('created', {
    status: record.status,
    name: record.name,
    backend: record.start.backend,
    host: record.host,
    owner: record.owner,
    metadata: record.metadata,
  })
  // With the record its answer is certain, unless a process is still to be started.
  const standing = record.wanted && infoOf(core, record)
  const created = (): void => {
    story.publish()
    if (record.wanted) call.reply(infoOf(core, record))
    else startOnHost({ core, call, record, epoch: 1, resume: false })
  }
  call.names({ session: record.session, ...(record.host !== '' && { target: record.host }) })
  call.persist(story.operations(), created, standing)
}

function newRecord(core: Core, call: Call<'session.create'>): SessionRecord {
  const {
    name = '',
    host,
    labels,
    approvals,
    recovery = 'manual',
    metadata = {},
    start: when = 'now',
    ...start
  } = call.params
  const now = core.clock.wall()
  const wanted = { ...(host !== undefined && { host }), ...(labels && { labels }) }
  return {
    ...(when === 'on_prompt' && { wanted }),
    ...(approvals && { approvals }),
    name,
    start,
    recovery,
    metadata: metadataOf(call.method, metadata),
    session: newUuid(core.ports.random),
    owner: call.identity.principal,
    created_at: now,
    host: '',
    status: when === 'now' ? 'starting' : 'created',
    told: when === 'now' ? 'starting' : 'created',
    reason: '',
    paused: '',
    epoch: 1,
    turn: 0,
    open: [],
    changed_at: now,
    cwd: start.cwd ?? '',
    pid: null,
    last_pid: null,
    exit_code: null,
    signal: '',
    native_session_id: newUuid(core.ports.random),
  }
}
