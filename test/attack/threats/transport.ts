/** Threats to the transport. */
import { type Threat, WHO } from './threat.ts'

const file = 'attack/transport'
const LIBZMQ = [] as const

export const TRANSPORT: readonly Threat[] = [
  {
    id: 'no-curve',
    who: WHO.network,
    what: 'speaks NULL or PLAIN to an endpoint of the network',
    how: 'these endpoints take nothing but CURVE (`broker/curve.ts`)',
    file,
    test: 'a peer without CURVE gets nothing at the endpoints of the network',
    without: [
      {
        file: 'broker/curve',
        find: 'socket.curveServer = true',
        replace: 'socket.curveServer = false',
      },
    ],
  },
  {
    id: 'unknown-key',
    who: WHO.stranger,
    what: 'connects',
    how: 'the ZAP handler lets in keys that an admin has added; others knock',
    file,
    test: 'a key that nobody has added opens neither endpoint, and knocks',
    without: [
      { file: 'broker/access/network-door', find: "return 'later'", replace: "return 'accept'" },
    ],
  },
  {
    id: 'revoked-key',
    who: WHO.revoked,
    what: 'connects',
    how: 'the ZAP handler refuses it for good',
    file,
    test: 'a revoked key opens neither endpoint',
    without: [
      { file: 'broker/access/network-door', find: "return 'never'", replace: "return 'accept'" },
    ],
  },
  {
    id: 'vouch',
    who: WHO.observer,
    what: "connects under somebody else's public key",
    how: 'CURVE: the vouch is made with the secret key',
    file,
    test: 'nobody connects under the key of somebody else',
    without: LIBZMQ,
  },
  {
    id: 'recorded-handshake',
    who: WHO.path,
    what: 'replays a recorded CURVE handshake',
    how: 'CURVE: cookie and short-term keys of each connection',
    file,
    test: 'a handshake that was recorded opens no other connection',
    without: LIBZMQ,
  },
  {
    id: 'recorded-message',
    who: WHO.path,
    what: 'replays a recorded message into its connection',
    how: 'CURVE: nonces that rise',
    file,
    test: 'a message that was recorded is not taken a second time',
    without: LIBZMQ,
  },
  {
    id: 'nonce',
    who: WHO.observer,
    what: 'uses a nonce twice',
    how: 'CURVE: nonces that rise',
    file,
    test: 'a nonce that was used ends the connection',
    without: LIBZMQ,
  },
  {
    id: 'weak-short-term',
    who: WHO.network,
    what: 'sends short-term keys of low order',
    how: 'libsodium refuses them',
    file,
    test: 'weak short-term keys do the broker no harm',
    without: LIBZMQ,
  },
  {
    id: 'weak-key',
    who: WHO.stranger,
    what: 'has an admin add a key with which everybody has the same secret',
    how: '`key.add` takes no such key',
    file,
    test: 'a weak key is not added, whoever asks',
    without: [{ file: 'protocol/keys/key-pair', find: ' && !isWeak(text)', replace: '' }],
  },
  {
    id: 'clear-text',
    who: WHO.path,
    what: 'takes the place of the broker, to hear what peers say',
    how: 'peers speak CURVE to the key that they were given, and nothing else',
    file,
    test: 'to whoever has not the key of the broker a client says nothing that can be read',
    without: [{ file: 'protocol/keys/peer-keys', find: 'if (!keys)', replace: 'if (true)' }],
  },
  {
    id: 'no-handler',
    who: WHO.stranger,
    what: 'connects while there is no ZAP handler',
    how: '`zapEnforceDomain`: then libzmq lets nobody in',
    file,
    test: 'without a ZAP handler nobody gets in',
    without: [
      {
        file: 'broker/curve',
        find: 'socket.zapEnforceDomain = true',
        replace: 'socket.zapEnforceDomain = false',
      },
    ],
  },
  {
    id: 'stuck-handler',
    who: WHO.stranger,
    what: 'connects while the ZAP handler does not answer',
    how: 'libzmq waits for the answer, and hangs up after 3 s',
    file,
    test: 'while the ZAP handler is stuck nobody gets in',
    without: LIBZMQ,
  },
  {
    id: 'failed-handler',
    who: WHO.network,
    what: 'finds a defect that ends the ZAP handler',
    how: 'the broker ends with it, and its supervisor starts it anew',
    file,
    test: 'a ZAP handler that fails takes the broker with it, and answers nobody',
    without: [
      { file: 'broker/zap-socket', find: 'this.#port.failed(error)', replace: 'void error' },
    ],
  },
]
