/** Connection ids are made by ROUTER (docs/protocol.md 1.2): a peer that brings its own gets nothing. */
import t from 'tap'
import { Dealer } from 'zeromq'
import { decodeBundle, encodeBundle } from '../../protocol/bundle.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { LiveBroker } from '../support/live-broker.ts'

const HELLO = encodeBundle([
  {
    head: { kind: 'HELLO' },
    body: encode({
      ...{ major: 1, minor: 0, features: [], role: 'admin', principal: 'local', software: 'test' },
    }),
  },
])

t.test(
  'a peer that chose its routing id is refused, and one that did not is welcome',
  async (t) => {
    const broker = await LiveBroker.start(t)
    const greet = async (routingId: string | undefined) => {
      const dealer = new Dealer({ linger: 0, ...(routingId !== undefined && { routingId }) })
      t.teardown(() => dealer.close())
      dealer.connect(broker.endpoint)
      await dealer.send([HELLO.heads, HELLO.bodies])
      const [entry] = decodeBundle(await dealer.receive())
      if (!entry?.ok) throw new Error('no answer that can be read')
      return entry.message
    }
    for (const id of ['mine', 'of 5', '\u0001five', 'x'.repeat(254)]) {
      const { head, body } = await greet(id)
      t.equal(head.kind, 'ERROR')
      t.match(decodeBody(ErrorBody, body), { code: 'BAD_FRAME', message: /routing id/ })
    }
    t.equal((await greet(undefined)).head.kind, 'WELCOME')
  },
)
