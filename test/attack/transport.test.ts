/** Attacks on the transport: who gets as far as a connection, and what can be done with one that was recorded. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Router } from 'zeromq'
import { NO_DOOR } from '../../broker/core/access.ts'
import { whenFree } from '../../broker/curve.ts'
import { RouterSocket } from '../../broker/router-socket.ts'
import { ZapSocket } from '../../broker/zap-socket.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { remotePeer } from '../support/remote-peers.ts'
import { curveHandshake, raw } from '../support/zmtp/curve.ts'
import { mirror } from '../support/zmtp/mirror.ts'
import { nullHandshake, plainHandshake } from '../support/zmtp/session.ts'
import { command, DEALER, frame, greeting, XSUB } from '../support/zmtp/wire.ts'

t.test('a peer without CURVE gets nothing at the endpoints of the network', async (t) => {
  const { door } = await AttackStage.start(t)
  for (const endpoint of [door.endpoint, door.streams]) {
    for (const claims of [DEALER, XSUB, [...DEALER, ['User-Id', 'local']]] as const) {
      t.match(await nullHandshake(endpoint, claims), { type: 'refused' }, `NULL ${endpoint}`)
    }
    const login = { user: 'local', password: 'local' }
    t.match(await plainHandshake(endpoint, login), { type: 'refused' }, `PLAIN ${endpoint}`)
  }
})

t.test('a key that nobody has added opens neither endpoint, and knocks', async (t) => {
  const stage = await AttackStage.start(t)
  const stranger = newKeyPair(randomBytes)
  for (const endpoint of [stage.door.endpoint, stage.door.streams]) {
    t.match(await stage.attempt(stranger, { endpoint }), { type: 'refused', reason: 'closed' })
  }
  const { pending } = await stage.admin.call('key.pending', {})
  t.match(pending, [{ key: stranger.publicKey, knocks: 2 }])
})

t.test('a revoked key opens neither endpoint', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  await stage.admin.call('key.revoke', { principal: 'anna' })
  for (const endpoint of [stage.door.endpoint, stage.door.streams]) {
    t.match(await stage.attempt(anna, { endpoint }), { type: 'refused' })
  }
  const { pending } = await stage.admin.call('key.pending', {})
  t.same(pending, [], 'and it does not wait to be approved')
})

t.test('nobody connects under the key of somebody else', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['admin'])
  const mallory = await stage.principal('mallory', ['observer'])
  const lies = { claimedKey: raw(anna.publicKey) }
  t.match(await stage.attempt(mallory, { lies }), { type: 'refused' })
})

t.test('a handshake that was recorded opens no other connection', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const { handshake } = await stage.session(anna)
  const mallory = newKeyPair(randomBytes)
  const { initiate } = handshake
  t.match(await stage.attempt(mallory, { lies: { initiate } }), { type: 'refused' })
  // With HELLO as well the answer is for somebody else: who replays it cannot even read WELCOME.
  await t.rejects(stage.attempt(mallory, { lies: handshake }), /WELCOME cannot be opened/)
})

t.test('a message that was recorded is not taken a second time', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const peer = await stage.welcomed(anna)
  const { connection } = peer.session
  const before = connection.sent.length
  t.match(await peer.call('1', 'task.create', { title: 'once' }), { title: 'once' })
  for (const bytes of connection.sent.slice(before)) connection.write(bytes)
  await connection.closed()
  t.match(await stage.admin.call('task.list', {}), { total: 1 })
})

t.test('a nonce that was used ends the connection', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const peer = await stage.welcomed(anna)
  t.match(await peer.call('1', 'system.info', {}), { epoch: 1 })
  const session = await stage.session(anna)
  session.nextNonce = 2 // that of INITIATE
  session.send([Buffer.from('x'), Buffer.from('y')])
  await session.connection.closed()
  t.pass('it was cut')
})

t.test('weak short-term keys do the broker no harm', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  for (const point of ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`]) {
    const transient = { publicKey: Buffer.from(point, 'hex'), secretKey: randomBytes(32) }
    t.match(await stage.attempt(anna, { lies: { transient } }), { type: 'refused' })
  }
  t.match(await stage.admin.call('system.info', {}), { epoch: 1 })
})

t.test('a weak key is not added, whoever asks', async (t) => {
  const { admin } = await AttackStage.start(t)
  const key = '0'.repeat(40)
  await t.rejects(admin.call('key.add', { principal: 'anna', key }), { code: 'INVALID_PARAMS' })
})

t.test(
  'to whoever has not the key of the broker a client says nothing that can be read',
  async (t) => {
    const server = await mirror(t, 'ROUTER', 'anna')
    const { publicKey: key } = newKeyPair(randomBytes)
    const peer = await remotePeer(t, { ...NO_DOOR, endpoint: server.endpoint, key })
    const connecting = peer.connect({ principal: 'anna', connectTimeoutMs: 1000 })
    await t.rejects(connecting, { code: 'UNREACHABLE' })
    await server.spoken
    for (const secret of ['anna', 'agentmq', raw(peer.publicKey)])
      t.notOk(server.heard.includes(secret))
  },
)

t.test('without a ZAP handler nobody gets in', async (t) => {
  const own = newKeyPair(randomBytes)
  const broker = newKeyPair(randomBytes)
  const router = networkRouter()
  t.teardown(() => router.close())
  const { endpoint } = await router.bind('tcp://127.0.0.1:*', broker.secretKey)
  const outcome = await curveHandshake(endpoint, { serverKey: broker.publicKey, own })
  t.match(outcome, { type: 'refused' })
})

t.test('while the ZAP handler is stuck nobody gets in', async (t) => {
  const zap = new Router({ linger: 0 })
  t.teardown(() => zap.close())
  await zap.bind('inproc://zeromq.zap.01')
  const own = newKeyPair(randomBytes)
  const broker = newKeyPair(randomBytes)
  const router = networkRouter()
  t.teardown(() => router.close())
  const { endpoint } = await router.bind('tcp://127.0.0.1:*', broker.secretKey)
  const outcome = curveHandshake(endpoint, { serverKey: broker.publicKey, own })
  t.match((await zap.receive())[7]?.toString(), 'CURVE', 'it was asked')
  t.match(await outcome, { type: 'refused', reason: 'closed' })
})

t.test('a ZAP handler that fails takes the broker with it, and answers nobody', async (t) => {
  let failed: (error: unknown) => void = () => {}
  const failure = new Promise((resolve) => {
    failed = resolve
  })
  const zap = new ZapSocket({
    decide: () => {
      throw new Error('defect')
    },
    nameOf: () => Buffer.of(1),
    failed: (error) => failed(error),
  })
  t.teardown(() => zap.close())
  await whenFree(() => zap.bind()) // that of the test before may still be closing
  const own = newKeyPair(randomBytes)
  const broker = newKeyPair(randomBytes)
  const router = networkRouter()
  t.teardown(() => router.close())
  const { endpoint } = await router.bind('tcp://127.0.0.1:*', broker.secretKey)
  const outcome = curveHandshake(endpoint, { serverKey: broker.publicKey, own })
  t.match(await failure, { message: 'defect' }, 'Broker ends on this')
  t.match(await outcome, { type: 'refused' })
})

/** What somebody on the way may say in place of the broker. */
const IN_ITS_PLACE = {
  nothing: Buffer.alloc(0),
  HTTP: Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'.padEnd(200)),
  NULL: greeting('NULL'),
  'a command that is none': Buffer.concat([
    greeting('CURVE'),
    frame(command('WELCOME', Buffer.alloc(160)), { isCommand: true }),
  ]),
  'a refusal': Buffer.concat([
    greeting('CURVE'),
    frame(command('ERROR', Buffer.from('\u0003400')), { isCommand: true }),
  ]),
} as const

t.test(
  'a peer that was welcome comes back, whatever somebody says in place of the broker',
  async (t) => {
    const stage = await AttackStage.start(t)
    const way = await interrupted(t, stage.door)
    const peer = await remotePeer(t, { ...stage.door, endpoint: way.endpoint })
    await stage.admin.call('key.add', { principal: 'anna', key: peer.publicKey })
    const client = await peer.connect({ connectTimeoutMs: 10_000 })
    for (const [name, bytes] of Object.entries(IN_ITS_PLACE)) {
      await way.interrupt(bytes)
      const answer = client.call('system.info', {}, { deadlineMs: 20_000 })
      t.match(await answer, { epoch: 1 }, name)
    }
  },
)

/** A way to the broker on which somebody can cut the connection, and answer the next one himself. */
async function interrupted(t: Test, { endpoint }: DoorInfo) {
  const port = Number(/\d+$/.exec(endpoint)?.[0])
  let answer: Buffer | undefined
  let answered: () => void = () => {}
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    const bytes = answer
    answer = undefined
    const ends = bytes ? [socket] : [socket, connect(port, '127.0.0.1')]
    for (const end of ends) end.on('error', () => undefined)
    for (const end of ends) open.add(end)
    if (bytes) {
      socket.resume().end(bytes)
      answered()
    } else if (ends[1]) socket.pipe(ends[1]).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of open) socket.destroy()
    open.clear()
  }
  t.teardown(() => {
    server.close()
    cut()
  })
  const { port: own } = server.address() as AddressInfo
  return {
    endpoint: `tcp://127.0.0.1:${own}`,
    interrupt: (bytes: Buffer) =>
      new Promise<void>((resolve) => {
        answer = bytes
        answered = resolve
        cut()
      }),
  }
}

/** One that nobody speaks on. */
function networkRouter(): RouterSocket {
  const nobody = () => undefined
  const port = { receive: nobody, notified: nobody, gone: nobody, next: nobody, failed: nobody }
  return new RouterSocket({ ...port, flooded: nobody }, 'network')
}
