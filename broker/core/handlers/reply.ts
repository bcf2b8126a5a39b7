/** REPLY and ERROR: a host answers a request of the broker. */
import type { Handler } from './handler.ts'

export const reply: Handler<'REPLY'> = ({ core, connection, head, body }) => {
  core.hostCalls.replied(connection, head.id, body)
}

export const failure: Handler<'ERROR'> = ({ core, connection, head, body }) => {
  core.hostCalls.failed(connection, head.id, body)
}
