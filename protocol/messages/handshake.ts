/** HELLO, CHALLENGE, PROOF, WELCOME, GOODBYE (docs/protocol.md section 2). */

import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { defineHead } from './define.ts'

export const ROLES = ['observer', 'operator', 'host', 'gateway', 'admin'] as const
export const Role = oneOf(ROLES, 'What the peer wants to be, or is')
export type Role = (typeof ROLES)[number]

const text = (description: string) => Type.String({ maxLength: 256, description })

export const HelloBody = Type.Object(
  {
    major: Type.Integer({ minimum: 0, description: 'Protocol major version' }),
    minor: Type.Integer({ minimum: 0, description: 'Protocol minor version' }),
    features: Type.Array(text('A feature name'), {
      maxItems: 64,
      description: 'Optional abilities of the sender',
    }),
    role: Role,
    principal: text(
      'Name of the principal that the peer claims to be; empty = whoever has its key',
    ),
    software: text('Name and version of the software, for people'),
    resume: Type.Optional(text('Resume token of the last WELCOME')),
    key: Type.Optional(
      text('Public CURVE key of the peer, Z85; needed where the broker asks for a proof'),
    ),
  },
  { description: 'Opens the handshake' },
)
export type HelloBody = Static<typeof HelloBody>

export const ChallengeBody = Type.Object(
  { nonce: Type.Unknown({ description: '32 random bytes (msgpack bin)' }) },
  { description: 'Asks for a proof of the claimed principal' },
)
export const ProofBody = Type.Object(
  {
    nonce: Type.Unknown({
      description: 'The nonce of the challenge that this answers (msgpack bin)',
    }),
    mac: Type.Unknown({
      description: 'Proof over the nonce, the version, the role and the principal (msgpack bin)',
    }),
  },
  { description: 'Answers a challenge' },
)

export const WelcomeBody = Type.Object(
  {
    principal: text('Who the connection is from now on'),
    roles: Type.Array(Role, { description: 'What the connection may be used for' }),
    minor: Type.Integer({ minimum: 0, description: 'The lower minor version of both sides' }),
    features: Type.Array(text('A feature name'), {
      maxItems: 64,
      description: 'Features that both sides have',
    }),
    heartbeat_ms: Type.Integer({ minimum: 1, description: 'Send PING this often' }),
    liveness_ms: Type.Integer({
      minimum: 1,
      description: 'Silence after which the other side is lost',
    }),
    max_bodies_bytes: Type.Integer({ minimum: 1, description: 'Largest bodies frame taken' }),
    max_messages: Type.Integer({ minimum: 1, description: 'Most messages taken in one bundle' }),
    credit: Type.Integer({ minimum: 0, description: 'Initial credit of a host, bytes' }),
    epoch: Type.Integer({
      minimum: 0,
      description: 'How often this journal has been opened by a broker',
    }),
    instance: text('Random name of this run of the broker'),
    software: text('Name and version of the broker'),
    streams: text(
      'Endpoint of the XPUB socket; a host of * stands for the one under which the peer reached the broker',
    ),
    resume: text('Token to send in the next HELLO'),
    next_key: Type.Optional(
      text('Public key under which the broker will answer later, Z85; remember it'),
    ),
  },
  { description: 'Closes the handshake' },
)
export type WelcomeBody = Static<typeof WelcomeBody>

export const GoodbyeBody = Type.Object(
  {
    code: text('A code of the error table'),
    reason: Type.String({ maxLength: 1024, description: 'For people' }),
  },
  { description: 'Nothing more comes from this side' },
)
export type GoodbyeBody = Static<typeof GoodbyeBody>

export const Hello = defineHead('HELLO', 1, {
  family: 'handshake',
  direction: 'peer to broker',
  lane: 'urgent',
  description: 'Opens the handshake; may be sent again at any time to start anew.',
  fields: {},
  body: HelloBody,
})
export const Challenge = defineHead('CHALLENGE', 2, {
  family: 'handshake',
  direction: 'broker to peer',
  lane: 'urgent',
  description: 'Asks the peer to prove its principal.',
  fields: {},
  body: ChallengeBody,
})
export const Proof = defineHead('PROOF', 3, {
  family: 'handshake',
  direction: 'peer to broker',
  lane: 'urgent',
  description: 'Answers CHALLENGE.',
  fields: {},
  body: ProofBody,
})
export const Welcome = defineHead('WELCOME', 4, {
  family: 'handshake',
  direction: 'broker to peer',
  lane: 'urgent',
  description: 'The connection now acts for a principal.',
  fields: {},
  body: WelcomeBody,
})
// With the bit of kinds that may be skipped; WELCOME tells it as well.
export const NextKey = defineHead('NEXT_KEY', 161, {
  family: 'handshake',
  direction: 'broker to peer',
  lane: 'urgent',
  description: 'The broker will answer under another public key later: remember it.',
  fields: { key: Type.String({ maxLength: 64, description: 'Public CURVE key, Z85' }) },
  body: 'none',
})
export const Goodbye = defineHead('GOODBYE', 5, {
  family: 'handshake',
  direction: 'both',
  lane: 'urgent',
  description: 'The sender leaves; nothing more comes from it on this connection.',
  fields: {},
  body: GoodbyeBody,
})
