/** ROUTER with real peers: one that goes while the broker does not get to read takes nobody with it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import t from 'tap'
import { Dealer } from 'zeromq'
import { RouterSocket, type Side } from '../../broker/router-socket.ts'
import { BARE_NODE } from '../support/bare-node.ts'

/** Sends as much as the socket takes, and says when it takes no more. */
const FLOODER = `
  const { Dealer } = require(${JSON.stringify(createRequire(import.meta.url).resolve('zeromq'))})
  const socket = new Dealer({ linger: 0, sendHighWaterMark: 1, sendTimeout: 200 })
  socket.connect(process.argv[1])
  const frames = [Buffer.alloc(10), Buffer.alloc(5000)]
  const flood = async () => { for (;;) await socket.send(frames) }
  flood().catch(() => process.stdout.write('full'))
  setInterval(() => {}, 1000)
`

/** Longer than any period of libzmq. */
const STUCK_MS = 3000

function blockLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

for (const side of ['local', 'network'] as const satisfies readonly Side[]) {
  t.test(`${side}: a peer that is killed while all of its room is taken`, async (t) => {
    const heard = new EventTarget()
    const router = new RouterSocket(
      {
        receive: () => heard.dispatchEvent(new Event('message')),
        notified: () => {},
        gone: () => {},
        next: () => undefined,
        flooded: () => {},
        failed: (error) => t.fail(String(error)),
      },
      side,
    )
    t.teardown(() => router.close())
    const { endpoint } = await router.bind('tcp://127.0.0.1:*')
    const [command, ...before] = BARE_NODE
    const child = spawn(command, [...before, '-e', FLOODER, endpoint], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    await once(heard, 'message')
    blockLoop(2000) // its pipe fills, and nobody reads
    child.kill('SIGKILL')
    blockLoop(STUCK_MS)
    const friend = new Dealer({ linger: 0 })
    t.teardown(() => friend.close())
    friend.connect(endpoint)
    await friend.send(['a', 'b'])
    await once(heard, 'message')
    t.pass('this process is still there')
  })
}
