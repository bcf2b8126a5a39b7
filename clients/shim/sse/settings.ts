/** Settings of the event streams in the HTTP door. */
import { isOn, limit } from '../setting-fields.ts'

export const sseSettings = {
  sse: isOn('`/sessions/ID/stream` in the HTTP door'),
  sse_streams: limit('Most streams at once; further ones are answered OVERLOADED', 500),
}
