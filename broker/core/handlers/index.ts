/** The table: message kind -> handler. A kind that is added does not compile until it is here. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { MESSAGES, type MessageKind } from '../../../protocol/messages/index.ts'
import { append } from './append.ts'
import { cancel } from './cancel.ts'
import type { Handler } from './handler.ts'
import { failure, reply } from './reply.ts'
import { request } from './request.ts'

/** The link has dealt with these before they could come here. */
const handledByTheLink = () => {}

/** Only the broker sends these. */
const notForTheBroker: Handler<MessageKind> = ({ head }) => {
  throw new ProtocolError('UNSUPPORTED', { kind: MESSAGES[head.kind].code })
}

export const HANDLERS: { readonly [K in MessageKind]: Handler<K> } = {
  HELLO: handledByTheLink,
  CHALLENGE: notForTheBroker,
  PROOF: handledByTheLink,
  WELCOME: notForTheBroker,
  NEXT_KEY: notForTheBroker,
  GOODBYE: handledByTheLink,
  PING: handledByTheLink,
  PONG: handledByTheLink,
  REQUEST: request,
  ACCEPTED: () => {}, // hosts may say it; the broker waits for the end
  REPLY: reply,
  ERROR: failure,
  CANCEL: cancel,
  APPEND: append,
  APPENDED: notForTheBroker,
  CREDIT: notForTheBroker,
  CHUNK: notForTheBroker,
  HEAD: notForTheBroker,
  MOVED: notForTheBroker,
}
