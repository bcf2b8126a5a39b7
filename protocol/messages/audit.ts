/**
 * The record of the audit log (docs/audit.md): who did what to which session, and what came of it. It holds
 * ids and codes and never what a caller wrote: no prompt, no value, no environment. How the chain of hashes
 * is built and checked is in protocol/audit-chain.ts.
 */
import { type Static, Type } from '../typebox.ts'
import { Executed } from './calls.ts'

/** What is recorded though nobody called a method. The broker adds a record of these by `audit.note`. */
export const AUDIT_EVENTS = {
  'broker.started': 'A broker opened the journal. Details: epoch, software',
  'broker.draining': 'The broker was told to end, and takes no new work',
  'connection.refused':
    'A peer was not let in; `target` is the fingerprint of its key. Details, where the key was refused: address',
  'principal.cut_off': 'The broker ended a connection of a principal',
  'network.shut':
    'All connections of other machines were ended, to protect this one. Details: reason, pause_ms',
  'network.opened': 'Other machines may connect again',
  'audit.lost': 'Records that found no room while the disk was full; `count` says how many',
} as const
export type AuditEvent = keyof typeof AUDIT_EVENTS

/** What a record has in the place of an error code when all went well. */
export const DONE = 'done'
/** Stands for several principals, methods or codes in a record of what was too much to tell one by one. */
export const SEVERAL = '*'

const sha256 = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description })
const id = (description: string) => Type.Optional(Type.String({ maxLength: 256, description }))

/** What a chunk of `@audit` holds. */
export const AuditBody = Type.Object(
  {
    principal: Type.String({
      maxLength: 256,
      description:
        'Who it was, as the handshake proved it; empty: the broker itself, or nobody who could be named',
    }),
    via: id('The principal of the gateway that acted for it'),
    connection: id('The connection that it came on, as `stream.readers` names it'),
    method: Type.String({
      maxLength: 64,
      description: 'The method that was called, or an event of docs/audit.md; `*`: several',
    }),
    session: id('The session that it is about'),
    target: id(
      'What else it is about: the id of an approval, task, workflow, host or key, or a key of the state',
    ),
    within: id('What it was a part of: `session.batch`, or the id of a workflow'),
    key: id('SHA-256 of the idempotency key of the request, base64url'),
    trace: id('W3C traceparent of the request'),
    outcome: Type.String({
      maxLength: 64,
      description: '`done`, or the code of the error; `*`: several',
    }),
    executed: Executed,
    count: Type.Optional(
      Type.Integer({ minimum: 1, description: 'How many it stands for; absent: one' }),
    ),
    since: Type.Optional(
      Type.Integer({ description: 'When the first of these came, ms since 1970' }),
    ),
    details: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer()]), {
        description: 'What else is to be known of an event',
      }),
    ),
    prev: sha256('`hash` of the record before; of record 1: 64 zeros'),
    hash: sha256('SHA-256 of this record without `hash`, hexadecimal'),
  },
  { description: 'Who did what, and what came of it; only in the stream `@audit`' },
)
export type AuditBody = Static<typeof AuditBody>

/** A record as it is read and hashed: its body, its place and its time. */
export const AuditRecord = Type.Object(
  {
    seq: Type.Integer({ minimum: 1, description: 'Its number, 1, 2, 3 … without a hole' }),
    time: Type.Integer({ description: 'When it was written, ms since 1970' }),
    ...AuditBody.properties,
  },
  { description: 'One record of the audit log' },
)
export type AuditRecord = Static<typeof AuditRecord>
