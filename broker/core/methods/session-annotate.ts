/** session.annotate: a merge patch on what callers keep with a session. */
import { type JsonObject, mergePatch } from '../../../protocol/json.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { saveSession } from '../lifecycle.ts'
import { metadataOf, requireSmall } from '../metadata.ts'
import { sessionEvent } from '../session-events.ts'
import { infoOf } from '../session-info.ts'
import { visible } from '../visible.ts'

export function sessionAnnotate(core: Core, call: Call<'session.annotate'>): void {
  const record = visible(core, call).session(call.params.session)
  const patch = metadataOf(call.method, call.params.metadata)
  // Both are objects, so what comes of them is one.
  const merged = mergePatch(record.metadata, patch) as JsonObject
  record.metadata = requireSmall(call.method, merged)
  const annotated = sessionEvent(record.session, 'annotated', { metadata: patch })
  const reply = (): void => call.reply(infoOf(core, record))
  call.persist([annotated, ...saveSession(core, record)], reply, infoOf(core, record))
}
