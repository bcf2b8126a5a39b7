/** APPEND, APPENDED, CREDIT, CHUNK, HEAD, MOVED (docs/protocol.md section 5). */
import { Type } from '../typebox.ts'
import { defineHead } from './define.ts'
import { chunkCode, epoch, producerSequence, sequence, session, turn } from './fields.ts'

export const Append = defineHead('APPEND', 32, {
  family: 'streams',
  direction: 'host to broker',
  lane: 'bulk',
  description: 'One chunk of a session, numbered by the host, kept by it until APPENDED covers it.',
  fields: { session, epoch, sequence: producerSequence, turn, type: chunkCode },
  body: 'opaque',
})
export const Appended = defineHead('APPENDED', 33, {
  family: 'streams',
  direction: 'broker to host',
  lane: 'urgent',
  description: 'All chunks up to this producer sequence are on disk.',
  fields: { session, epoch, sequence: producerSequence },
  body: 'none',
})
export const Credit = defineHead('CREDIT', 34, {
  family: 'streams',
  direction: 'broker to host',
  lane: 'urgent',
  description: 'The host may send this many more body bytes of APPEND.',
  fields: { bytes: Type.Integer({ minimum: 1, description: 'Bytes granted' }) },
  body: 'none',
})
export const ChunkMessage = defineHead('CHUNK', 35, {
  family: 'streams',
  direction: 'broker to readers, on XPUB',
  lane: 'bulk',
  description: 'One chunk of a stream; the body is the one the host or the broker wrote.',
  fields: {
    session,
    sequence,
    time: Type.Number({ description: 'When the broker took it, ms since 1970' }),
    turn,
    type: chunkCode,
  },
  body: 'opaque',
})
export const StreamHead = defineHead('HEAD', 36, {
  family: 'streams',
  direction: 'broker to readers, on XPUB',
  lane: 'bulk',
  description:
    'The highest sequence of a stream; sent on subscription and every second while idle.',
  fields: { session, sequence },
  body: 'none',
})
// With the bit of kinds that may be skipped: without it a reader notices the silence a few seconds later.
export const Moved = defineHead('MOVED', 160, {
  family: 'streams',
  direction: 'broker to client',
  lane: 'urgent',
  description:
    'A ticket is void, because the stream has moved to another topic: open it again to go on.',
  fields: { ticket: Type.String({ maxLength: 64, description: 'The ticket of stream.open' }) },
  body: 'none',
})
