/** session.create: places a session on a host and starts its process there. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { newUuid } from '../../../protocol/ids.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { Story } from '../lifecycle.ts'
import type { SessionRecord } from '../sessions.ts'
import { startOnHost } from '../start.ts'

export function sessionCreate(core: Core, call: Call<'session.create'>): void {
  const { name = '', host: wanted, labels, approvals, recovery = 'manual', ...start } = call.params
  const { maxSessions } = core.ports.limits
  if (core.sessions.size >= maxSessions) {
    throw new ProtocolError('TOO_MANY_SESSIONS', { limit: maxSessions })
  }
  if (name !== '') core.sessions.claimName(name)
  const request = {
    backend: start.backend,
    ...(wanted !== undefined && { host: wanted }),
    ...(labels && { labels }),
  }
  const host = core.hosts.place(request, (id) => core.sessions.used(id))
  const record = newRecord(core, call, {
    name,
    start,
    recovery,
    host: host.id,
    ...(approvals && { approvals }),
  })
  core.sessions.add(record)
  const story = new Story(core, record)
  story.add('status', 0, { status: 'starting' })
  call.persist(story.operations(), () => {
    story.publish()
    startOnHost({ core, call, record, epoch: 1, resume: false })
  })
}

function newRecord(
  core: Core,
  call: Call<'session.create'>,
  wanted: Pick<SessionRecord, 'name' | 'start' | 'recovery' | 'host' | 'approvals'>,
): SessionRecord {
  const now = core.clock.wall()
  return {
    ...wanted,
    session: newUuid(core.ports.random),
    owner: call.identity.principal,
    created_at: now,
    status: 'starting',
    reason: '',
    paused: '',
    epoch: 1,
    turn: 0,
    open: [],
    changed_at: now,
    cwd: wanted.start.cwd ?? '',
    pid: null,
    exit_code: null,
    signal: '',
    native_session_id: newUuid(core.ports.random),
  }
}
