/** What a handler of one message kind gets. */
import type { Identity } from '../../../protocol/link/broker-link.ts'
import type { HeadFor, MessageKind } from '../../../protocol/messages/index.ts'
import type { Core } from '../core.ts'

export interface Incoming<K extends MessageKind> {
  readonly core: Core
  readonly connection: string
  readonly identity: Identity
  readonly head: HeadFor<K>
  readonly body: Buffer
}

/** Throws a ProtocolError that becomes the sender's answer. */
export type Handler<K extends MessageKind> = (incoming: Incoming<K>) => void
