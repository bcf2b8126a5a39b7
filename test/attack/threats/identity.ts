/** Threats to who somebody is: routing ids, and the handshake of agentmq. */
import { type Threat, WHO } from './threat.ts'

const NAMES_CONNECTIONS = [
  {
    file: 'broker/zap-socket',
    find: "property('Identity', this.#port.nameOf(key))",
    replace: "''",
  },
] as const

const ids = 'attack/routing-ids'
const handshake = 'attack/handshake'

export const IDENTITY: readonly Threat[] = [
  {
    id: 'next-routing-id',
    who: WHO.observer,
    what: 'claims the routing id that ROUTER makes next, which ends libzmq',
    how: 'the ZAP handler names connections (`docs/decisions/0012`)',
    file: ids,
    test: 'a peer that claims the ids that ROUTER makes next does not end the broker',
    without: NAMES_CONNECTIONS,
  },
  {
    id: 'routing-id-race',
    who: WHO.observer,
    what: 'claims a routing id and hopes that the answer of the handler comes early',
    how: 'no answer leaves before a fence (`broker/fence-socket.ts`)',
    file: ids,
    test: 'nobody keeps an id that it has chosen, however busy the broker is',
    without: [{ file: 'broker/zap-socket', find: 'await this.#fence.pass()', replace: '' }],
  },
  {
    id: 'routing-id-of-another',
    who: WHO.observer,
    what: 'claims the routing id of a live peer, to get its mail',
    how: 'the ZAP handler names connections, each anew',
    file: ids,
    test: 'nobody gets the mail of another by its id',
    without: NAMES_CONNECTIONS,
  },
  {
    id: 'side-mark',
    who: WHO.observer,
    what: 'passes for a user of the machine by the form of its routing id',
    how: 'connections of the network have a mark that no id can have',
    file: ids,
    test: 'an id in the form of the other side gives no right of that side',
    without: [{ file: 'broker/router-socket', find: "network: 'n:'", replace: "network: ''" }],
  },
  {
    id: 'properties',
    who: WHO.observer,
    what: 'sends forged properties of ZMTP: User-Id, several identities, a megabyte',
    how: 'none is believed',
    file: ids,
    test: 'properties that a peer makes up change nothing',
    without: NAMES_CONNECTIONS,
  },
  {
    id: 'metadata',
    who: WHO.observer,
    what: 'sends metadata that is too large, or of another kind of socket',
    how: 'libzmq ends that connection',
    file: ids,
    test: 'metadata that is too large, cut short or of another socket ends its own connection',
    without: [],
  },
  {
    id: 'other-principal',
    who: WHO.observer,
    what: 'claims another principal in HELLO, or that of this machine',
    how: 'the principal is that of the key; a name is only compared',
    file: handshake,
    test: 'HELLO claims no other principal, and not that of this machine',
    without: [
      {
        file: 'broker/access/authenticator',
        find: "principal === '' || principal === record?.principal",
        replace: 'true',
      },
    ],
  },
  {
    id: 'other-key',
    who: WHO.observer,
    what: 'names the public key of somebody else in HELLO',
    how: 'it has to be the key under which CURVE let the connection in',
    file: handshake,
    test: 'HELLO without a key, or with one that did not open the connection, is refused',
    without: [
      {
        file: 'broker/access/authenticator',
        find: 'key === undefined || key !== ports.connectedAs',
        replace: 'key === undefined',
      },
    ],
  },
  {
    id: 'stolen-hello',
    who: WHO.observer,
    what: 'has the HELLO and a proof of somebody else',
    how: 'the proof is an HMAC under the secret of both keys',
    file: handshake,
    test: 'a HELLO that was stolen is worth nothing without the key',
    without: [
      { file: 'broker/access/authenticator', find: '!keys().some(holds)', replace: 'false' },
    ],
  },
  {
    id: 'broker-key-thief',
    who: WHO.thief,
    what: 'makes the proof of an admin, which that secret allows',
    how: 'the proof must be for the key under which CURVE let the connection in',
    file: handshake,
    test: 'who has stolen the key of the broker is still nobody else',
    without: [
      {
        file: 'broker/access/authenticator',
        find: 'key === undefined || key !== ports.connectedAs',
        replace: 'key === undefined',
      },
    ],
  },
  {
    id: 'higher-role',
    who: WHO.observer,
    what: 'asks for a role above its own',
    how: 'roles are granted, not claimed (`broker/core/rights.ts`)',
    file: handshake,
    test: 'nobody is more than the roles that he was given',
    without: [
      {
        file: 'broker/core/rights',
        find: 'return isAllowed ? [wanted] : asPerson(roles, wanted)',
        replace: 'return [wanted]',
      },
    ],
  },
  {
    id: 'replayed-proof',
    who: WHO.observer,
    what: 'sends a proof again: there, on another connection, after a restart',
    how: 'each challenge has a nonce of its own',
    file: handshake,
    test: 'a proof is good once: not again, not elsewhere, not after a restart',
    without: [
      {
        file: 'broker/access/authenticator',
        find: 'ports.random(NONCE_BYTES)',
        replace: 'Buffer.alloc(NONCE_BYTES)',
      },
    ],
  },
  {
    id: 'unasked-proof',
    who: WHO.observer,
    what: 'sends a proof that nobody asked for',
    how: 'PROOF counts after CHALLENGE alone',
    file: handshake,
    test: 'a proof without a challenge is none',
    without: [
      {
        file: 'protocol/link/broker-link',
        find: "if (this.#state.name !== 'challenged')",
        replace: 'if (false)',
      },
    ],
  },
  {
    id: 'downgrade',
    who: WHO.observer,
    what: 'proves one role or version and claims another',
    how: 'both are part of what is proven',
    file: handshake,
    test: 'what HELLO said cannot be changed after the proof',
    without: [
      { file: 'protocol/keys/proof', find: 'Buffer.from(role)', replace: 'Buffer.alloc(0)' },
    ],
  },
  {
    id: 'before-welcome',
    who: WHO.observer,
    what: 'sends requests, chunks and answers before WELCOME, of every kind',
    how: 'the link passes on nothing before',
    file: handshake,
    test: 'nothing is believed before WELCOME, of whatever kind',
    without: [
      {
        file: 'protocol/link/broker-link',
        find: 'this.#admit(message, this.#state.identity);\n                else {',
        replace:
          "this.#admit(message, this.#state.identity);\n                else if (head.kind === 'REQUEST') this.#admit(message, { principal: 'x', roles: ['admin'] });\n                else {",
      },
    ],
  },
  {
    id: 'after-goodbye',
    who: WHO.observer,
    what: 'goes on in the bundle in which it said GOODBYE',
    how: 'the link hears nothing after it',
    file: handshake,
    test: 'GOODBYE ends its own connection, and what follows it is not heard',
    without: [
      {
        file: 'protocol/link/broker-link',
        find: "this.#end('said goodbye', 'goodbye')",
        replace: '',
      },
    ],
  },
]
