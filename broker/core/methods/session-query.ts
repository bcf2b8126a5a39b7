/** session.get and session.list. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { jsonBytes } from '../../../protocol/json.ts'
import type { SessionInfo } from '../../../protocol/methods/types.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { infoOf } from '../session-info.ts'
import type { SessionRecord } from '../sessions.ts'
import { visible } from '../visible.ts'

const DEFAULT_LIMIT = 1000

/** Bytes of what callers and hosts make large, in one page: no more values than the wire takes in one body. */
const MAX_PAGE_BYTES = 256 * 1024

export function sessionGet(core: Core, call: Call<'session.get'>): void {
  const { session } = call.params
  whenOnDisk(core, [visible(core, call).session(session)], ([info]) => {
    if (info) call.reply(info)
    else call.fail(new ProtocolError('NO_SUCH_SESSION', { session }))
  })
}

export function sessionList(core: Core, call: Call<'session.list'>): void {
  const { status, limit = DEFAULT_LIMIT, offset = 0 } = call.params
  const fitting = visible(core, call)
    .sessions()
    .filter((record) => !status || status.includes(record.status))
    .sort((a, b) => b.created_at - a.created_at)
  whenOnDisk(core, page(fitting.slice(offset, offset + limit)), (sessions) =>
    call.reply({ sessions, total: fitting.length }),
  )
}

/** As many as fit, and at least one. */
function page(records: readonly SessionRecord[]): readonly SessionRecord[] {
  let bytes = 0
  const over = records.findIndex(({ metadata, reason, cwd }, index) => {
    bytes += jsonBytes(metadata) + reason.length + cwd.length
    return bytes > MAX_PAGE_BYTES && index > 0
  })
  return over === -1 ? records : records.slice(0, over)
}

/**
 * Who is told that a turn has ended finds its end in the stream, up to the head told with it, whatever
 * dies meanwhile. So what is told of a session waits for what of it is on the way to the disk.
 */
function whenOnDisk(
  core: Core,
  records: readonly SessionRecord[],
  tell: (sessions: SessionInfo[]) => void,
): void {
  const infos = records.map((record) => infoAtHead(core, record))
  const areOnDisk = records.every(({ session }) => core.streams.isSettled(session))
  if (areOnDisk) tell(infos)
  else core.batch.add([], (error) => tell(error ? infosLeft(core, records) : infos))
}

/** Memory has fallen back to the disk, perhaps to a time before one of them. */
function infosLeft(core: Core, records: readonly SessionRecord[]): SessionInfo[] {
  const left = records.filter((record) => core.sessions.get(record.session) === record)
  return left.map((record) => infoAtHead(core, record))
}

function infoAtHead(core: Core, record: SessionRecord): SessionInfo {
  return infoOf(core, record, core.streams.of(record.session).sequence)
}
