/** Settings of the event streams in the HTTP door. */
import { isOn } from '../setting-fields.ts'

export const sseSettings = {
  sse: isOn('`/sessions/ID/stream` in the HTTP door'),
}
