/** Threats to what is published, and around the change of the broker's key. */
import { type Threat, WHO } from './threat.ts'

const streams = 'attack/streams'
const rotation = 'attack/rotation'

export const STREAMS: readonly Threat[] = [
  {
    id: 'guessed-topic',
    who: WHO.observer,
    what: 'subscribes by topic, session, part of a ticket, each letter, or to everything',
    how: 'a subscription is a ticket, which the broker maps to a random topic',
    file: streams,
    test: 'nobody hears a stream by its topic, its session, a part of a ticket, or all of them',
    without: [
      {
        file: 'broker/streams-socket',
        find: 'this.#port.redeem(ticket)',
        replace: '(this.#port.redeem(ticket) ?? ticket)',
      },
    ],
  },
  {
    id: 'used-ticket',
    who: WHO.observer,
    what: 'uses a ticket that was used',
    how: 'a ticket is redeemed once',
    file: streams,
    test: 'a ticket is good for one subscription',
    without: [
      { file: 'broker/core/tickets', find: '!found || found.isRedeemed', replace: '!found' },
    ],
  },
  {
    id: 'ticket-after-end',
    who: WHO.observer,
    what: 'uses a ticket after its connection, its close, or the rights of its principal',
    how: 'tickets end with each of them',
    file: streams,
    test: 'a ticket ends with its connection, its stream.close and the rights of its principal',
    without: [
      { file: 'broker/core/tickets', find: 'this.#held.get(connection) ?? [])]', replace: '[])]' },
    ],
  },
  {
    id: 'outliving-pipe',
    who: WHO.revoked,
    what: 'keeps its XSUB open, subscribed as before',
    how: 'streams that it has heard move to other topics',
    file: streams,
    test: 'a subscription that outlives its principal hears nothing more',
    without: [
      {
        file: 'broker/core/streams',
        find: 'state.topic = newToken(this.#random)',
        replace: '',
      },
    ],
  },
  {
    id: 'gateway-pipe',
    who: WHO.gateway,
    what: 'is revoked, and keeps the subscriptions that it has for its users',
    how: 'what is heard for a user counts as heard by the gateway too',
    file: streams,
    test: 'what a gateway hears for its users ends with the gateway',
    without: [
      { file: 'broker/core/tickets', find: 'found.state.heardBy.add(via)', replace: 'void via' },
    ],
  },
  {
    id: 'confused-pipe',
    who: WHO.observer,
    what: 'sends XPUB messages that are no subscriptions, after which libzmq takes one pipe for another',
    how: 'no ticket counts until XPUB has been read to its end',
    file: streams,
    test: 'messages that are no subscriptions do not turn the streams of others to their sender',
    without: [
      {
        file: 'broker/streams-socket',
        find: 'return isAmbiguous ? undefined : frame',
        replace: 'return frame',
      },
    ],
  },
  {
    id: 'old-broker-key',
    who: WHO.thief,
    what: 'of an old key takes the place of the broker, after the key was changed',
    how: 'peers try no key that was followed by one that worked, also after a restart',
    file: rotation,
    test: 'a peer that has met the next key does not believe the old one any more',
    without: [{ file: 'protocol/keys/key-ring', find: 'this.#keys.splice(0, at)', replace: '[]' }],
  },
  {
    id: 'stolen-broker-key',
    who: WHO.thief,
    what: 'connects under the old key, or makes proofs with it',
    how: 'endpoints are bound anew under the new key; connections are known by their own',
    file: rotation,
    test: 'a stolen key of the broker, old or present, lets nobody in',
    without: [
      {
        file: 'broker/access/network-door',
        find: 'await this.router.rebind(this.#bound.endpoint, secretKey)',
        replace: '',
      },
    ],
  },
  {
    id: 'announced-key',
    who: WHO.operator,
    what: 'announces a next key of the broker',
    how: 'NEXT_KEY is for the broker to say',
    file: rotation,
    test: 'a key that is not announced by the broker itself is not learnt',
    without: [
      {
        file: 'broker/core/handlers/index',
        find: 'NEXT_KEY: notForTheBroker',
        replace: 'NEXT_KEY: handledByTheLink',
      },
    ],
  },
  {
    id: 'relayed-proof',
    who: WHO.broker,
    what: 'passes a nonce on to one of its own peers, for a proof that counts here',
    how: 'the key of the broker is part of the proof',
    file: rotation,
    test: 'a proof that another broker was given is none here',
    without: [
      { file: 'broker/access/authenticator', find: '!keys().some(holds)', replace: 'false' },
    ],
  },
  {
    id: 'streams-elsewhere',
    who: WHO.broker,
    what: 'names a foreign endpoint for streams in WELCOME',
    how: 'readers want the same key of the broker there',
    file: rotation,
    test: 'a broker that sends its readers elsewhere does not make them talk there',
    without: [
      {
        file: 'clients/sdk/sockets',
        find: 'new SubscriberSocket({ endpoint, keys }',
        replace: 'new SubscriberSocket({ endpoint, keys: undefined }',
      },
    ],
  },
]
