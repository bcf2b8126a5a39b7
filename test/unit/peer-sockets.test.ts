/** The sockets of clients and hosts with a real broker's end: one that falls silent, and one that is killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as others } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Router } from 'zeromq'
import { dealerWith } from '../../agent-host/sockets.ts'
import { zeromqTransport } from '../../clients/sdk/sockets.ts'
import {
  type DealerHandlers,
  type OpenDealer,
  PeerConnection,
  REDIAL_AFTER_MS,
} from '../../protocol/link/peer-connection.ts'
import { BARE_NODE } from '../support/bare-node.ts'

const DEALERS = { client: zeromqTransport.dealer, host: dealerWith(undefined) } as const

/** Bundles are nothing to it: it counts, and sends what it is given. */
const BROKER = `
  const { Router, XPublisher } = require(${JSON.stringify(createRequire(import.meta.url).resolve('zeromq'))})
  const [kind] = process.argv.slice(1)
  const options = { linger: 0, sendTimeout: 200, sendHighWaterMark: 64 }
  const socket =
    kind === 'xpub'
      ? new XPublisher({ ...options, noDrop: true })
      : new Router({ ...options, mandatory: true })
  const body = [Buffer.alloc(50), Buffer.alloc(2000)]
  const run = async () => {
    await socket.bind('tcp://127.0.0.1:*')
    process.stdout.write(socket.lastEndpoint)
    const [first] = await socket.receive()
    const to = kind === 'xpub' ? first.subarray(1) : first
    for (;;) await socket.send([to, ...body])
  }
  run().catch(() => process.stderr.write('full'))
  setInterval(() => {}, 1000)
`

interface Flood {
  readonly child: ChildProcess
  readonly endpoint: string
}

/** Fills whoever comes, as far as there is room, once it has said something. */
async function flood(t: Test, kind: 'router' | 'xpub'): Promise<Flood> {
  const [command, ...before] = BARE_NODE
  const child = spawn(command, [...before, '-e', BROKER, kind], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [endpoint] = await once(child.stdout, 'data')
  return { child, endpoint: String(endpoint) }
}

function blockLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Of this process nothing is read meanwhile, and a heartbeat of ZMTP would come due. */
function killWhileStuck({ child }: Flood): void {
  blockLoop(1500)
  child.kill('SIGKILL')
  blockLoop(3000)
}

function ends(): DealerHandlers & { readonly heard: EventTarget } {
  const heard = new EventTarget()
  return {
    heard,
    receive: () => heard.dispatchEvent(new Event('message')),
    disconnected: () => heard.dispatchEvent(new Event('gone')),
    trouble: () => {},
    refused: () => {},
  }
}

for (const [who, open] of Object.entries<OpenDealer>(DEALERS)) {
  t.test(`a ${who} that stands still while its broker is killed is still there`, async (t) => {
    const broker = await flood(t, 'router')
    const handlers = ends()
    const dealer = open(broker.endpoint, handlers)
    t.teardown(() => dealer.close())
    const heard = once(handlers.heard, 'message')
    await dealer.send({ heads: Buffer.from('a'), bodies: Buffer.from('b') })
    await heard
    const gone = once(handlers.heard, 'gone')
    killWhileStuck(broker)
    await gone
    t.pass('and hears that the connection is gone')
  })
}

t.test('a reader that stands still while its broker is killed is still there', async (t) => {
  const broker = await flood(t, 'xpub')
  const { heard } = ends()
  const reader = zeromqTransport.subscriber(
    broker.endpoint,
    () => heard.dispatchEvent(new Event('message')),
    () => heard.dispatchEvent(new Event('gone')),
  )
  t.teardown(() => reader.close())
  const first = once(heard, 'message')
  reader.subscribe('topic')
  await first
  const gone = once(heard, 'gone')
  killWhileStuck(broker)
  await gone
  t.pass('and hears that the connection is gone')
})

/** Passes connections on to `endpoint`, and tells of each. `hold` takes what is sent and passes nothing on any more. */
async function middle(t: Test, endpoint: string) {
  const opened = new EventTarget()
  const pairs: [Socket, Socket][] = []
  const server = createServer((near) => {
    const far = connect(Number(/\d+$/.exec(endpoint)?.[0]), '127.0.0.1')
    pairs.push([near, far])
    for (const socket of [near, far]) socket.on('error', () => undefined)
    near.pipe(far).pipe(near)
    t.teardown(() => {
      near.destroy()
      far.destroy()
    })
    opened.dispatchEvent(new Event('connection'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const hold = () => {
    for (const socket of pairs.flat()) socket.unpipe().resume()
  }
  const { port } = server.address() as AddressInfo
  return { endpoint: `tcp://127.0.0.1:${port}`, opened, pairs, hold }
}

for (const [who, dealer] of Object.entries<OpenDealer>(DEALERS)) {
  t.test(`a ${who} dials again when nobody answers on the connection that it has`, async (t) => {
    const router = new Router({ linger: 0 })
    t.teardown(() => router.close())
    await router.bind('tcp://127.0.0.1:*')
    const way = await middle(t, router.lastEndpoint ?? '')
    let now = 0
    const peer = new PeerConnection({
      ...{ endpoint: way.endpoint, role: 'observer', principal: 'x', software: 'x', dealer },
      now: () => now,
      random: () => 0,
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
      onEvent: () => {},
    })
    t.teardown(() => peer.close(() => Promise.resolve()))
    const first = once(way.opened, 'connection')
    peer.start()
    await first
    const [one] = await router.receive() // HELLO
    way.hold()
    now = REDIAL_AFTER_MS - 1
    peer.tick(now)
    t.equal(way.pairs.length, 1)
    while (way.pairs.length < 2) {
      now += REDIAL_AFTER_MS // again, as long as it has not been told that there was a connection
      peer.tick(now)
      await others()
    }
    now += 5000
    peer.tick(now) // it greets again
    const [other] = await router.receive()
    t.not(other?.equals(one ?? Buffer.alloc(0)), true, 'on another connection')
  })
}
