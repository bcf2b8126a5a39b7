import t from 'tap'
import { SDK_LIMITS } from '../../clients/sdk/limits.ts'
import { Pipes } from '../../clients/sdk/pipes.ts'
import { encodeBundle } from '../../protocol/bundle.ts'
import { EMPTY } from '../../protocol/codec.ts'

/** Sockets that a test speaks for, and what was asked of each. */
class Bench {
  readonly sockets: {
    readonly endpoint: string
    readonly said: string[]
    readonly receive: (topic: string, frames: readonly Uint8Array[]) => void
    readonly broken: () => void
  }[] = []
  readonly pipes = new Pipes({
    subscriber: (endpoint, receive, broken) => {
      const said: string[] = []
      this.sockets.push({ endpoint, said, receive, broken })
      return {
        subscribe: (ticket) => said.push(`+${ticket}`),
        unsubscribe: (ticket) => said.push(`-${ticket}`),
        close: () => said.push('closed'),
      }
    },
  })

  constructor() {
    this.pipes.at('ipc://streams')
  }

  feed() {
    const heard: (number | string)[] = []
    return {
      heard,
      chunk: () => undefined,
      head: (sequence: number) => heard.push(sequence),
      fail: () => undefined,
      broken: () => heard.push('broken'),
    }
  }

  head(socket: number, topic: string, sequence: number): void {
    const message = { head: { kind: 'HEAD', session: 's', sequence }, body: EMPTY } as const
    const { heads, bodies } = encodeBundle([message])
    this.sockets[socket]?.receive(topic, [heads, bodies])
  }
}

const ticket = (name: string, topic: string) => ({ ticket: name, topic, head: 0 })

t.test('streams share one socket, and the same stream for two needs two', (t) => {
  const bench = new Bench()
  const [a, b, c] = [bench.feed(), bench.feed(), bench.feed()]
  bench.pipes.subscribe(ticket('t1', 'blue'), a)
  bench.pipes.subscribe(ticket('t2', 'red'), b)
  bench.pipes.subscribe(ticket('t3', 'blue'), c)
  t.strictSame(
    bench.sockets.map(({ said }) => said),
    [['+t1', '+t2'], ['+t3']],
  )
  bench.head(0, 'blue', 1)
  bench.head(1, 'blue', 2)
  t.strictSame([a.heard, b.heard, c.heard], [[1], [], [2]])
  t.end()
})

t.test('a socket that nobody needs is closed, but for the first', (t) => {
  const bench = new Bench()
  const [t1, t2] = [ticket('t1', 'blue'), ticket('t2', 'blue')]
  bench.pipes.subscribe(t1, bench.feed())
  bench.pipes.subscribe(t2, bench.feed())
  bench.pipes.unsubscribe(t2)
  bench.pipes.unsubscribe(t1)
  bench.pipes.unsubscribe(t1)
  t.strictSame(
    bench.sockets.map(({ said }) => said),
    [
      ['+t1', '-t1'],
      ['+t2', '-t2', 'closed'],
    ],
  )
  t.equal(bench.pipes.size, 1)
  t.end()
})

t.test('a connection that breaks is told to those who read over it', (t) => {
  const bench = new Bench()
  const [a, b] = [bench.feed(), bench.feed()]
  bench.pipes.subscribe(ticket('t1', 'blue'), a)
  bench.pipes.subscribe(ticket('t2', 'blue'), b)
  bench.sockets[1]?.broken()
  t.strictSame([a.heard, b.heard], [[], ['broken']])
  t.end()
})

t.test('beyond the limit nothing is subscribed, and what is there goes on', (t) => {
  const bench = new Bench()
  const tickets = Array.from({ length: SDK_LIMITS.maxPipes + 1 }, (_, i) => ticket(`t${i}`, 'blue'))
  for (const one of tickets) bench.pipes.subscribe(one, bench.feed())
  t.equal(bench.sockets.length, SDK_LIMITS.maxPipes)
  for (const one of tickets) bench.pipes.unsubscribe(one)
  t.equal(bench.pipes.size, 1)
  t.end()
})

t.test('another endpoint closes the sockets to the one of before', (t) => {
  const bench = new Bench()
  bench.pipes.subscribe(ticket('t1', 'blue'), bench.feed())
  bench.pipes.at('ipc://streams')
  t.equal(bench.pipes.size, 1)
  bench.pipes.at('ipc://elsewhere')
  bench.pipes.unsubscribe(ticket('t1', 'blue'))
  bench.pipes.subscribe(ticket('t2', 'blue'), bench.feed())
  t.strictSame(
    bench.sockets.map(({ endpoint, said }) => [endpoint, ...said]),
    [
      ['ipc://streams', '+t1', 'closed'],
      ['ipc://elsewhere', '+t2'],
    ],
  )
  t.end()
})
