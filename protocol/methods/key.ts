/** key.*: principals, their keys and their rights (docs/security.md). */

import { KEY_CHARS } from '../keys/z85.ts'
import { Role } from '../messages/handshake.ts'
import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { defineMethod, REACHES } from './define.ts'

/** Keys that one principal may have, revoked ones included. */
export const MAX_KEYS_OF_PRINCIPAL = 16

const Reach = oneOf(
  REACHES,
  'Sessions it has to do with: all of them, or those that it has created',
)

const NAME = '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'

/** Whether a principal can have this name. */
export function isPrincipalName(name: string): boolean {
  return new RegExp(NAME).test(name)
}

const principal = Type.String({
  pattern: NAME,
  description: 'Name of the principal',
})
const key = Type.String({
  minLength: KEY_CHARS,
  maxLength: KEY_CHARS,
  description: 'Public CURVE key, Z85',
})
const roles = Type.Array(Role, { minItems: 1, maxItems: 5, description: 'What it may be used for' })
const note = Type.String({ maxLength: 256, description: 'For people' })
const fingerprint = Type.String({ description: 'Of the key, for people to compare' })
const at = (what: string) => Type.Number({ description: `${what}, ms since 1970` })

export const KeyInfo = Type.Object(
  {
    key,
    fingerprint,
    status: oneOf(['active', 'revoked'], 'A revoked key is refused for good'),
    added_at: at('When it was added'),
    added_by: Type.String({ description: 'Principal that added it' }),
    told_next: Type.Boolean({
      description: 'Whoever has it was told the next key of the broker since that was begun',
    }),
  },
  { description: 'A key of a principal' },
)

export type KeyInfo = Static<typeof KeyInfo>

export const PrincipalInfo = Type.Object(
  {
    principal,
    roles: Type.Array(Role, { description: 'What it may be used for' }),
    reach: Reach,
    note,
    keys: Type.Array(KeyInfo, {
      maxItems: MAX_KEYS_OF_PRINCIPAL,
      description: 'None: only gateways can act for it',
    }),
    connections: Type.Integer({ minimum: 0, description: 'Its connections now' }),
    changed_at: at('When it was changed last'),
  },
  { description: 'A principal and its rights' },
)
export type PrincipalInfo = Static<typeof PrincipalInfo>

export const PendingKey = Type.Object(
  {
    key,
    fingerprint,
    address: Type.String({ description: 'Network address that it came from last' }),
    first_at: at('When it knocked first'),
    last_at: at('When it knocked last'),
    knocks: Type.Integer({ minimum: 1, description: 'How often' }),
  },
  { description: 'A key that is not known, and knocks' },
)
export type PendingKey = Static<typeof PendingKey>

/** Where peers of other machines find the broker. */
export const DoorInfo = Type.Object(
  {
    endpoint: Type.String({ description: 'ROUTER endpoint of the network; empty = there is none' }),
    streams: Type.String({ description: 'XPUB endpoint of the network' }),
    advertised: Type.String({ description: 'Endpoint for other machines; empty = not said' }),
    key: Type.String({ description: 'Public key of the broker, Z85' }),
    fingerprint,
    next_key: Type.String({ description: 'Public key that comes next; empty = none' }),
  },
  { description: 'The door for other machines' },
)
export type DoorInfo = Static<typeof DoorInfo>

export const KeyAdd = defineMethod('key.add', {
  description:
    'Adds a principal, or a key to one, or changes its rights; takes effect at once, also for its connections.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: true,
  params: Type.Object({
    principal,
    key: Type.Optional(key),
    roles: Type.Optional(roles),
    reach: Type.Optional(Reach),
    note: Type.Optional(note),
  }),
  result: PrincipalInfo,
  errors: ['LIMIT_REACHED', 'KEY_TAKEN'],
})

export const KeyList = defineMethod('key.list', {
  description: 'All principals with their keys, and the door for other machines.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: false,
  params: Type.Object({
    after: Type.Optional(
      Type.String({ maxLength: 64, description: 'Go on after this principal, in order of names' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 200' })),
  }),
  result: Type.Object({
    door: DoorInfo,
    principals: Type.Array(PrincipalInfo, { description: 'In order of their names' }),
    next: Type.Optional(Type.String({ description: 'For `after`; absent at the end' })),
  }),
  errors: [],
})

export const KeyPending = defineMethod('key.pending', {
  description: 'Keys that knocked and are not known.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({
    pending: Type.Array(PendingKey, { description: 'The one that knocked last comes first' }),
    limit: Type.Integer({
      description: 'How many are remembered; beyond it the oldest is forgotten',
    }),
  }),
  errors: [],
})

export const KeyApprove = defineMethod('key.approve', {
  description: 'Adds a key that knocked, by the key itself or by the beginning of its fingerprint.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: true,
  params: Type.Object({
    key: Type.String({ minLength: 5, maxLength: KEY_CHARS, description: 'Key or fingerprint' }),
    principal,
    roles: Type.Optional(roles),
    reach: Type.Optional(Reach),
    note: Type.Optional(note),
  }),
  result: PrincipalInfo,
  errors: ['LIMIT_REACHED', 'KEY_TAKEN', 'UNKNOWN_KEY', 'AMBIGUOUS_KEY'],
})

export const KeyRevoke = defineMethod('key.revoke', {
  description:
    'Revokes one key, or all keys of a principal: connections, tickets and pending calls end at once.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: true,
  params: Type.Object({
    principal: Type.Optional(principal),
    key: Type.Optional(
      Type.String({ minLength: 5, maxLength: KEY_CHARS, description: 'Key or fingerprint' }),
    ),
  }),
  result: Type.Object({
    principal,
    revoked: Type.Integer({ minimum: 0, description: 'Keys that were active' }),
    connections: Type.Integer({ minimum: 0, description: 'Connections that were ended' }),
  }),
  errors: ['UNKNOWN_KEY', 'AMBIGUOUS_KEY', 'NO_SUCH_PRINCIPAL'],
})

export const KeyRotate = defineMethod('key.rotate', {
  description:
    'Begins a new key of the broker, which its peers are told and remember; with `finish` it takes the place of the old one.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: true,
  params: Type.Object({
    step: oneOf(
      ['begin', 'finish', 'abandon'],
      'begin: announce the next key; finish: answer under it from now on; abandon: forget it',
    ),
  }),
  result: DoorInfo,
  errors: ['WRONG_STEP'],
})
