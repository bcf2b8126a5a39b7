/** session.get and session.list. */
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { type SessionRecord, sessionInfo } from '../sessions.ts'

const DEFAULT_LIMIT = 1000

export function sessionGet(core: Core, call: Call<'session.get'>): void {
  call.reply(infoOf(core, core.sessions.resolve(call.params.session)))
}

export function sessionList(core: Core, call: Call<'session.list'>): void {
  const { status, limit = DEFAULT_LIMIT, offset = 0 } = call.params
  const fitting = [...core.sessions.all()]
    .filter((record) => !status || status.includes(record.status))
    .sort((a, b) => b.created_at - a.created_at)
  call.reply({
    sessions: fitting.slice(offset, offset + limit).map((record) => infoOf(core, record)),
    total: fitting.length,
  })
}

function infoOf(core: Core, record: SessionRecord) {
  return sessionInfo(record, core.streams.of(record.session).durable)
}
