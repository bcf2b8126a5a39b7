/** PING and PONG (docs/protocol.md section 3). */
import { Type } from '../typebox.ts'
import { defineHead } from './define.ts'

const id = Type.Integer({ minimum: 0, description: 'Repeated in the answer' })

export const Ping = defineHead('PING', 8, {
  family: 'liveness',
  direction: 'both',
  lane: 'urgent',
  description: 'Asks for a PONG; sent every heartbeat interval by both sides.',
  fields: { id },
  body: 'none',
})
export const Pong = defineHead('PONG', 9, {
  family: 'liveness',
  direction: 'both',
  lane: 'urgent',
  description: 'Answers PING, with evidence of life above the transport.',
  fields: {
    id,
    loop_lag_ms: Type.Number({ minimum: 0, description: 'Recent worst delay of the event loop' }),
    in_flight: Type.Integer({ minimum: 0, description: 'Requests under way at the sender' }),
    progress_age_ms: Type.Number({
      minimum: -1,
      description: 'Time since the last output of any agent of a host; -1 = no agent',
    }),
  },
  body: 'none',
})
