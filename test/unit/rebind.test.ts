/** Giving a port up and taking it again, while peers are connected. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { serveCurve, whenFree } from '../../broker/curve.ts'
import { bindApart, stopListening } from '../../broker/io-threads.ts'

t.test('a port that libzmq has not let go of yet is tried again', async (t) => {
  let tries = 0
  await whenFree(async () => {
    tries += 1
    if (tries <= 3) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
  })
  t.equal(tries, 4)
})

t.test('a socket for which there is no file yet is tried again', async (t) => {
  let tries = 0
  const opened = await whenFree(() => {
    tries += 1
    if (tries <= 3) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' })
    return 'a socket'
  })
  t.equal(opened, 'a socket')
  t.equal(tries, 4)
})

t.test('any other failure is told at once', async (t) => {
  let tries = 0
  const bind = async () => {
    tries += 1
    throw new Error('no such device')
  }
  await t.rejects(whenFree(bind), { message: 'no such device' })
  t.equal(tries, 1)
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
  bindApart(router, endpoint, 'network')
  for (const peer of peers) peer.connect(endpoint)
  for (let round = 0; round < 30; round += 1) {
    stopListening(router, endpoint)
    serveCurve(router, curveKeyPair().secretKey)
    await whenFree(async () => bindApart(router, endpoint, 'network'))
  }
  t.equal(router.lastEndpoint, endpoint)
})
