/** XPUB with real subscribers: tickets, what is none, and floods of them. */
import { once } from 'node:events'
import { setImmediate as others } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { XSubscriber } from 'zeromq'
import type { Side } from '../../broker/router-socket.ts'
import { STREAMS_LIMITS, StreamsSocket } from '../../broker/streams-socket.ts'
import { TURN_LIMITS } from '../../broker/turn.ts'
import { encodeBundle } from '../../protocol/bundle.ts'
import { EMPTY } from '../../protocol/codec.ts'

/** A socket on which the ticket `good…` is good for the topic `topic`, once. */
async function stage(t: Test, side: Side = 'network') {
  const counted: string[] = []
  const used = new Set<string>()
  let [floods, released] = [0, 0]
  const news = new EventTarget()
  const publisher = new StreamsSocket(
    {
      redeem: (ticket) => {
        if (!ticket.startsWith('good') || used.has(ticket)) return undefined
        used.add(ticket)
        return 'topic'
      },
      subscribed: () => {},
      release: () => {
        released += 1
      },
      counted: (outcome) => {
        counted.push(outcome)
        news.dispatchEvent(new Event('counted'))
      },
      flooded: () => {
        floods += 1
      },
      failed: (error) => t.fail(String(error)),
    },
    side,
  )
  t.teardown(() => publisher.close())
  const endpoint = await publisher.bind('tcp://127.0.0.1:*')
  const until = async (condition: () => boolean) => {
    while (!condition()) await once(news, 'counted')
  }
  const subscriber = () => {
    const socket = new XSubscriber({ linger: 0, sendHighWaterMark: 0 })
    t.teardown(() => socket.close())
    socket.connect(endpoint)
    return socket
  }
  const publish = (kind: 'HEAD', sequence: number) => {
    const bundle = encodeBundle([{ head: { kind, session: 's', sequence }, body: EMPTY }])
    publisher.publish('topic', bundle)
    return bundle.heads
  }
  const figures = () => ({ floods, released })
  return { publisher, subscriber, counted, until, publish, figures }
}

const frame = (verb: 0 | 1, ticket: string) => Buffer.concat([Buffer.of(verb), Buffer.from(ticket)])
const token = (index: number) => `x${index}`.padEnd(22, '0')

t.test('a ticket is good once, what is none is ignored, and both are counted', async (t) => {
  const { publisher, subscriber, counted, until, publish } = await stage(t)
  const [first, second] = [subscriber(), subscriber()]
  t.equal(publisher.hasReaders, false)
  await first.send(frame(1, 'good1'))
  await until(() => counted.length === 1)
  t.equal(publisher.hasReaders, true)
  for (const ticket of ['good1', 'topic', '', 'x'.repeat(200)]) await second.send(frame(1, ticket))
  await second.send(Buffer.from('no subscription'))
  await until(() => counted.length === 6)
  t.same(counted, ['redeemed', ...Array.from({ length: 5 }, () => 'unknown')])
  const heads = publish('HEAD', 1)
  t.same((await first.receive())[1], heads)
  second.receiveTimeout = 50
  await t.rejects(second.receive(), { code: 'EAGAIN' })
})

t.test(
  'giving a ticket back takes the pipe off the topic, also when it is void already',
  async (t) => {
    const { publisher, subscriber, counted, until, publish, figures } = await stage(t)
    const reader = subscriber()
    await reader.send(frame(1, 'good1'))
    await until(() => counted.length === 1)
    await reader.send(frame(0, 'good1'))
    await until(() => counted.length === 2)
    t.same(counted, ['redeemed', 'released'])
    t.equal(figures().released, 1)
    t.equal(publisher.hasReaders, false)
    publish('HEAD', 1)
    reader.receiveTimeout = 50
    await t.rejects(reader.receive(), { code: 'EAGAIN' })
  },
)

t.test(
  'a subscription that no ticket can be ends its connection, and libzmq keeps nothing',
  async (t) => {
    const { subscriber, counted, until } = await stage(t)
    const [large, reader] = [subscriber(), subscriber()]
    await reader.send(frame(1, 'good1'))
    await until(() => counted.length === 1)
    const { events } = large
    await large.send(frame(1, 'x'.repeat(STREAMS_LIMITS.maxMessageBytes)))
    for await (const { type } of events) if (type === 'disconnect') break
    await reader.send(frame(1, 'good2'))
    await until(() => counted.length === 2)
    t.same(counted, ['redeemed', 'redeemed'])
  },
)

t.test('the end of a connection gives back what it had', async (t) => {
  const { publisher, subscriber, counted, until } = await stage(t)
  const reader = subscriber()
  for (const ticket of ['good1', 'good2']) await reader.send(frame(1, ticket))
  await until(() => counted.length === 2)
  reader.close()
  await until(() => counted.length === 4)
  t.same(counted.slice(2), ['released', 'released'])
  t.equal(publisher.hasReaders, false)
})

t.test(
  'subscriptions of the network may take so much memory, then its end is asked for',
  async (t) => {
    const { subscriber, until, counted, figures } = await stage(t)
    const flooder = subscriber()
    const each = 451 // long ones, so that the test is short
    const most = Math.floor(
      STREAMS_LIMITS.maxKeptBytes.network / (each * STREAMS_LIMITS.bytesPerByte),
    )
    const send = async (from: number, count: number) => {
      for (let index = from; index < from + count; index += 1) {
        await flooder.send(frame(1, token(index).padEnd(each - 1, '0')))
      }
      await until(() => counted.length === from + count)
    }
    await send(0, most)
    t.equal(figures().floods, 0)
    await send(most, 1)
    t.equal(figures().floods, 1)
  },
)

t.test('while one floods, timers run and the tickets of others are taken', async (t) => {
  const { subscriber, until, counted } = await stage(t)
  const [flooder, reader] = [subscriber(), subscriber()]
  let isOver = false
  const flood = async () => {
    for (let index = 0; !isOver; index += 1) {
      await flooder.send(frame(1, token(index)))
      if (index % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const flooding = flood()
  await until(() => counted.length > 1000)
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
  }, 1)
  await until(() => ticks > 20)
  clearInterval(timer)
  await reader.send(frame(1, 'good1'))
  await until(() => counted.includes('redeemed'))
  isOver = true
  await flooding
  t.ok(counted.filter((outcome) => outcome === 'unknown').length > 1000)
})

t.test('others have their turn while many bundles are sent, until too many wait', async (t) => {
  const { publisher, publish } = await stage(t)
  const most = STREAMS_LIMITS.maxHeldBack
  const turnsUntil = async (left: number) => {
    let turns = 0
    for (; publisher.heldBack > left; turns += 1) await others()
    return turns
  }
  for (let sequence = 1; sequence < most; sequence += 1) publish('HEAD', sequence)
  const inTurns = await turnsUntil(0)
  const bundlesOfATurn = TURN_LIMITS.frames / 3
  t.ok(inTurns >= most / bundlesOfATurn - 1, `${most - 1} bundles in ${inTurns} turns`)
  for (let sequence = 0; sequence < 3 * most; sequence += 1) publish('HEAD', sequence)
  const atOnce = await turnsUntil(most)
  t.ok(atOnce < inTurns, `twice as many that are too much in ${atOnce} turns`)
  await turnsUntil(0)
})
