/** The ids of connections of the network, and the fence that makes them count. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { Dealer, Router } from 'zeromq'
import { ConnectionIds } from '../../broker/access/connection-ids.ts'
import { FenceSocket } from '../../broker/fence-socket.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'

const { publicKey } = newKeyPair(randomBytes)

t.test('an id tells the key that it was issued for, and is another one each time', async (t) => {
  const ids = new ConnectionIds(randomBytes)
  const [one, two] = [ids.issue(publicKey), ids.issue(publicKey)]
  t.equal(ids.keyOf(one), publicKey)
  t.notSame(one, two)
  t.not(one[0], 0, 'libzmq keeps those for itself')
})

t.test('an id with any other byte, of any other length or run, tells nothing', async (t) => {
  const ids = new ConnectionIds(randomBytes)
  const id = ids.issue(publicKey)
  for (const at of id.keys()) {
    const other = Buffer.from(id)
    other[at] = (other[at] ?? 0) ^ 1
    t.equal(ids.keyOf(other), undefined, `byte ${at}`)
  }
  t.equal(ids.keyOf(id.subarray(1)), undefined)
  t.equal(ids.keyOf(Buffer.alloc(0)), undefined)
  t.equal(new ConnectionIds(randomBytes).keyOf(id), undefined)
})

t.test('the fence passes again and again, while the I/O thread has other work', async (t) => {
  const fence = new FenceSocket()
  const router = new Router({ linger: 0 })
  const dealer = new Dealer({ linger: 0 })
  t.teardown(() => {
    for (const socket of [fence, router, dealer]) socket.close()
  })
  await router.bind('tcp://127.0.0.1:*')
  dealer.connect(router.lastEndpoint ?? '')
  for (let pass = 0; pass < 20; pass += 1) {
    await dealer.send(Buffer.alloc(100_000))
    await fence.pass()
  }
  t.pass('it does not wait for what was heard before')
})
