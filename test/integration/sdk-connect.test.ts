import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect, ProtocolError } from '../../clients/sdk/index.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { LiveBroker } from '../support/live-broker.ts'

/** The reason of the UNREACHABLE that connecting ends with. */
async function reasonOf(endpoint: string): Promise<string> {
  try {
    await connect({ endpoint, connectTimeoutMs: 150, env: { HOME: '/nowhere' } })
  } catch (thrown) {
    if (thrown instanceof ProtocolError && thrown.code === 'UNREACHABLE') {
      return String(thrown.details['reason'])
    }
    throw thrown
  }
  throw new Error('somebody answered')
}

/** A path short enough for a socket, in a directory of its own. */
function socketPath(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'broker.sock')
}

/** A server that takes connections and says `greeting`. */
async function listen(t: Test, greeting: string | Uint8Array = ''): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.write(greeting)
    t.teardown(() => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('not a port')
  return address.port
}

t.test('without a socket file it says that no broker was started here', async (t) => {
  const path = socketPath(t)
  t.match(await reasonOf(`ipc://${path}`), /no socket file .*broker\.sock: no broker was started/)
})

t.test('a file on which nobody listens is called stale', async (t) => {
  const path = socketPath(t)
  writeFileSync(path, '')
  t.match(await reasonOf(`ipc://${path}`), /stale/)
})

t.test('a port on which nobody listens is named', async (t) => {
  const server = await listen(t)
  const port = portOf(server)
  await new Promise((resolve) => server.close(resolve))
  t.match(await reasonOf(`tcp://127.0.0.1:${port}`), new RegExp(`nobody listens on port ${port}`))
})

t.test('somebody who listens but is no broker is told apart', async (t) => {
  const silent = await listen(t)
  t.match(await reasonOf(`tcp://127.0.0.1:${portOf(silent)}`), /does not answer: .*not agentmq/)
  const web = await listen(t, 'HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(10))
  t.match(await reasonOf(`tcp://127.0.0.1:${portOf(web)}`), /last heard: malformed frame/)
})

/** A ZMTP 3.1 greeting: signature, version, mechanism, as-server, filler (RFC 37). */
function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64)
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1])
  bytes.write(mechanism, 12)
  bytes[32] = 1
  return bytes
}

t.test('a server that wants CURVE is told apart', async (t) => {
  const server = await listen(t, greeting('CURVE'))
  const endpoint = `tcp://127.0.0.1:${portOf(server)}`
  await t.rejects(connect({ endpoint, connectTimeoutMs: 150, env: { HOME: '/nowhere' } }), {
    code: 'CURVE_MISMATCH',
    message: /takes only those who have keys/,
  })
})

t.test('whoever keeps silent towards a key is a broker only if it speaks CURVE', async (t) => {
  const { publicKey: brokerKey } = newKeyPair(randomBytes)
  const place = { brokerKey, dir: t.testdir(), connectTimeoutMs: 1800 }
  const silent = await listen(t)
  const mute = connect({ ...place, endpoint: `tcp://127.0.0.1:${portOf(silent)}` })
  const curve = await listen(t, greeting('CURVE'))
  const held = connect({ ...place, endpoint: `tcp://127.0.0.1:${portOf(curve)}` })
  const plain = await listen(t, greeting('NULL'))
  const open = connect({ ...place, endpoint: `tcp://127.0.0.1:${portOf(plain)}` })
  await Promise.all([
    t.rejects(mute, { code: 'UNREACHABLE', message: /not agentmq/ }),
    t.rejects(held, { code: 'KEY_NOT_APPROVED' }),
    t.rejects(open, { code: 'CURVE_MISMATCH', message: /speaks without keys/ }),
  ])
})

t.test('a name that cannot be resolved is named', async (t) => {
  t.match(await reasonOf('tcp://no-such-host.invalid:1'), /no-such-host\.invalid/)
})

t.test('an endpoint that cannot be one is a mistake in the configuration', async (t) => {
  await t.rejects(connect({ endpoint: 'carrier-pigeon://loft' }), { code: 'BAD_CONFIG' })
})

t.test('aborting ends connecting at once', async (t) => {
  const endpoint = `ipc://${socketPath(t)}`
  await t.rejects(connect({ endpoint, signal: AbortSignal.abort() }), { code: 'CANCELLED' })
  const abort = new AbortController()
  const connecting = connect({ endpoint, signal: abort.signal })
  setImmediate(() => abort.abort())
  await t.rejects(connecting, { code: 'CANCELLED' })
})

t.test('a principal that the broker does not accept is refused with its reason', async (t) => {
  const broker = await LiveBroker.start(t)
  await t.rejects(connect({ dir: broker.dir, principal: 'mallory' }), { code: 'UNAUTHENTICATED' })
})

t.test('a broker that starts later is found', async (t) => {
  const broker = await LiveBroker.start(t)
  await broker.stop()
  const connecting = broker.connect(t)
  await broker.start()
  const client = await connecting
  t.match(client.welcome, { principal: 'local', streams: /^ipc:/ })
})

t.test(
  'parameters that do not fit are refused here, and absent ones may be undefined',
  async (t) => {
    const client = await (await LiveBroker.start(t)).connect(t)
    await t.rejects(client.call('session.list', { limit: 0 }), {
      code: 'INVALID_PARAMS',
      where: 'client',
    })
    const nothing = { limit: undefined } as object
    t.same(await client.call('session.list', nothing), { sessions: [], total: 0 })
  },
)

t.test('a body that the broker would not take is refused here', async (t) => {
  const client = await (await LiveBroker.start(t)).connect(t)
  const value = 'x'.repeat(131_072)
  const env = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`V${n}`, value]))
  await t.rejects(client.call('session.create', { backend: 'demo', env }), {
    code: 'TOO_LARGE',
    where: 'client',
  })
})

t.test('aborting a call cancels it, before and after it was sent', async (t) => {
  const client = await (await LiveBroker.start(t)).connect(t)
  const before = client.call('system.info', {}, { signal: AbortSignal.abort() })
  await t.rejects(before, { code: 'CANCELLED', executed: 'no' })
  const abort = new AbortController()
  const after = client.call('system.info', {}, { signal: abort.signal })
  abort.abort()
  await t.rejects(after, { code: 'CANCELLED', executed: 'unknown' })
})
