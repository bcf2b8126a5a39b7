/** Giving a port up and taking it again under another key, while peers are connected. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { rebindCurve } from '../../broker/curve.ts'

function taken(times: number) {
  const calls: string[] = []
  const socket = {
    ...{ curveServer: false, curveSecretKey: '', zapDomain: '' },
    unbind: async () => void calls.push('unbind'),
    bind: async () => {
      calls.push(`bind ${socket.curveSecretKey}`)
      if (calls.length <= times + 1)
        throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
    },
  }
  return { socket, calls }
}

t.test('a port that libzmq has not let go of yet is tried again', async (t) => {
  const { socket, calls } = taken(3)
  await rebindCurve(socket, 'tcp://127.0.0.1:1', 'key')
  t.same(calls, ['unbind', 'bind key', 'bind key', 'bind key', 'bind key'])
})

t.test('any other failure is told at once', async (t) => {
  const { socket, calls } = taken(0)
  socket.bind = async () => {
    calls.push('bind')
    throw new Error('no such device')
  }
  await t.rejects(rebindCurve(socket, 'tcp://127.0.0.1:1', 'key'), { message: 'no such device' })
  t.same(calls, ['unbind', 'bind'])
})

t.test('a real socket gets its port back each time, with peers on it', async (t) => {
  const { curveKeyPair, Dealer, Router } = await import('zeromq')
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  await new Promise((resolve) => free.close(resolve))
  const endpoint = `tcp://127.0.0.1:${port}`
  const router = new Router({ linger: 0 })
  const peers = Array.from({ length: 10 }, () => new Dealer({ linger: 0, reconnectInterval: 5 }))
  t.teardown(() => {
    for (const socket of [router, ...peers]) socket.close()
  })
  await router.bind(endpoint)
  for (const peer of peers) peer.connect(endpoint)
  for (let round = 0; round < 30; round += 1) {
    await rebindCurve(router, endpoint, curveKeyPair().secretKey)
  }
  t.equal(router.lastEndpoint, endpoint)
})
