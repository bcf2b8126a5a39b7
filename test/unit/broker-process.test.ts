/** The broker's edges to its machine: flags, claims of files and endpoints, connections, the log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { main as hostMain } from '../../agent-host/main.ts'
import { Broker } from '../../broker/broker.ts'
import { claimEndpoint } from '../../broker/claim-endpoint.ts'
import { brokerConfig } from '../../broker/config.ts'
import { CONNECTION_LIMITS } from '../../broker/connection-limits.ts'
import { Connections } from '../../broker/connections.ts'
import { main as brokerMain } from '../../broker/main.ts'
import { claim } from '../../broker/ownership.ts'
import { type Bundle, decodeBundle, encodeBundle } from '../../protocol/bundle.ts'
import { EMPTY, encode } from '../../protocol/codec.ts'
import { LINK_LIMITS } from '../../protocol/link/broker-link.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../protocol/version.ts'

function temporary(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Runs a main that is expected to end at once. */
async function says(t: Test, main: typeof brokerMain, ...argv: string[]) {
  const stdout = t.capture(process.stdout, 'write', () => true)
  const stderr = t.capture(process.stderr, 'write', () => true)
  const exit = await main(argv)
  stdout.restore()
  stderr.restore()
  const textOf = (calls: { args: unknown[] }[]) => calls.map(({ args }) => String(args[0])).join('')
  return { exit, stdout: textOf(stdout()), stderr: textOf(stderr()) }
}

for (const [name, main, typo, meant] of [
  ['broker', brokerMain, '--heartbaet-ms', '--heartbeat-ms'],
  ['host', hostMain, '--slot', '--slots'],
] as const) {
  t.test(`a mistyped flag of ${name} is answered with the nearest known one`, async (t) => {
    const { exit, stderr } = await says(t, main, typo, '5')
    t.equal(exit, 2)
    t.match(stderr, `flags: unknown key ${typo}; did you mean ${meant}?`)
  })

  t.test(`${name} refuses words, flags without their value, and text for numbers`, async (t) => {
    const wrong = [['foo'], ['--config'], ['--', '--dir'], [meant, 'abc'], ['--log-level', 'loud']]
    for (const argv of wrong) {
      const { exit, stderr } = await says(t, main, ...argv)
      t.equal(exit, 2, argv.join(' '))
      t.match(stderr, /^agentmq \w+: flags: [-\w]/)
    }
  })

  t.test(`the help of ${name} names every setting with its variable`, async (t) => {
    const { exit, stdout } = await says(t, main, '--help')
    t.equal(exit, 0)
    t.match(stdout, /--log-level .*least severe level/i)
    t.match(stdout, '[AGENTMQ_LOG_LEVEL]')
    t.match(stdout, '--config')
    t.notMatch(stdout, '--version')
  })
}

t.test('a claim names what is in use, and can be made again once it is given up', (t) => {
  const path = join(temporary(t), 'owner')
  const release = claim(path, 'journal here')
  t.throws(() => claim(path, 'journal here'), {
    code: 'IN_USE',
    message: 'journal here is in use by this process',
  })
  release()
  claim(path, 'journal here')()
  t.end()
})

t.test('an endpoint in use is named as the endpoint that it is', (t) => {
  const endpoint = `ipc://${join(temporary(t), 'broker.sock')}`
  t.teardown(claimEndpoint(endpoint))
  t.throws(() => claimEndpoint(endpoint), {
    code: 'IN_USE',
    details: { what: `endpoint ${endpoint}` },
  })
  t.end()
})

const SMALL = {
  ...CONNECTION_LIMITS,
  local: { ...CONNECTION_LIMITS.local, maxConnections: 2 },
}

/** Links without sockets: what they want to send is taken by `read`. */
function connections(maxMessages = 1000) {
  const events: string[] = []
  const made = new Connections({
    limits: SMALL,
    link: {
      heartbeat: { heartbeatMs: 1000, livenessMs: 6000 },
      outbox: { maxBytes: 1_000_000, maxMessages },
      limits: { ...LINK_LIMITS, maxStrikes: 2 },
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
    },
    authenticate: () => ({ verdict: 'accept', identity: { principal: 'local', roles: [] } }),
    welcome: () => ({
      credit: 0,
      epoch: 1,
      instance: 'i',
      software: 's',
      streams: '',
      resume: '',
    }),
    onEvent: (id, event) => events.push(`${id} ${event.type}`),
    onReady: () => {},
    sideOf: () => 'local',
    onLimit: () => {},
  })
  const read = (id: string) => {
    const heads: Head[] = []
    for (let bundle = made.next(id); bundle; bundle = made.next(id)) heads.push(...headsOf(bundle))
    return heads
  }
  return { made, events, read }
}

function headsOf({ heads, bodies }: Bundle): Head[] {
  return decodeBundle([heads, bodies]).flatMap((entry) => (entry.ok ? [entry.message.head] : []))
}

const claimed = { role: 'admin', principal: 'local', software: 'test' }
const hello = [
  {
    head: { kind: 'HELLO' },
    body: encode({ major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR, features: [], ...claimed }),
  },
] as const
const frames = ({ heads, bodies }: Bundle) => [heads, bodies]

t.test('one connection more than maxConnections is told so, and let in when one has gone', (t) => {
  const { made } = connections()
  for (const id of ['a', 'b']) t.equal(made.receive(id, frames(encodeBundle(hello)), 0), undefined)
  const refusal = made.receive('c', frames(encodeBundle(hello)), 0)
  t.match(refusal && headsOf(refusal), [{ kind: 'ERROR', id: '' }])
  made.gone('a', 1)
  t.equal(made.receive('c', frames(encodeBundle(hello)), 2), undefined)
  t.equal(made.size, 2)
  t.end()
})

t.test('a peer that reads nothing is cut off at the limit of its outbox, and nobody else', (t) => {
  const { made, events, read } = connections(10)
  for (const id of ['a', 'b']) made.receive(id, frames(encodeBundle(hello)), 0)
  for (let id = 0; id < 20; id += 1) made.send('a', { kind: 'CANCEL', id: `${id}` }, EMPTY)
  t.same(events, ['a welcomed', 'b welcomed', 'a ended'])
  t.match(read('a'), [{ kind: 'GOODBYE' }])
  t.match(read('b'), [{ kind: 'WELCOME' }])
  made.tick(10)
  t.equal(made.has('a'), false)
  t.end()
})

t.test('one that sends rubbish stays out for a while, one that fell silent may come back', (t) => {
  const { made, read } = connections()
  for (let strike = 0; strike < 2; strike += 1) made.receive('a', [Buffer.from('x')], 0)
  made.receive('b', frames(encodeBundle(hello)), 0)
  read('a')
  read('b')
  for (let now = 0; now <= 7000; now += 50) {
    made.tick(now)
    read('b')
  }
  t.same([made.has('a'), made.has('b')], [true, false])
  made.tick(60_000)
  t.equal(made.has('a'), false)
  t.end()
})

t.test('a broker whose second endpoint is taken gives the first one up', async (t) => {
  const dir = temporary(t)
  const config = brokerConfig({ flags: { dir }, env: {} })
  t.teardown(claimEndpoint(config.streamsEndpoint))
  await t.rejects(new Broker(config, pino({ level: 'silent' })).start(), { code: 'IN_USE' })
  t.doesNotThrow(() => claimEndpoint(config.places.endpoint)())
})

t.test('a drain says GOODBYE to everybody before the sockets close', async (t) => {
  const config = brokerConfig({ flags: { dir: temporary(t) }, env: {} })
  const broker = new Broker(config, pino({ level: 'silent' }))
  await broker.start()
  const peer = new zmq.Dealer({ linger: 0, receiveTimeout: 5000 })
  t.teardown(() => peer.close())
  peer.connect(config.places.endpoint)
  await peer.send(frames(encodeBundle(hello)))
  const next = async () => {
    const [heads = EMPTY, bodies = EMPTY] = await peer.receive()
    return headsOf({ heads, bodies }).map(({ kind }) => kind)
  }
  t.same(await next(), ['WELCOME'])
  const drained = broker.drain()
  t.same(await next(), ['GOODBYE'])
  await drained
})

t.test('a liveness that is not longer than a heartbeat is refused', (t) => {
  const flags = { dir: temporary(t), 'heartbeat-ms': 100, 'liveness-ms': 100 }
  t.throws(() => brokerConfig({ flags, env: {} }), {
    code: 'BAD_CONFIG',
    message: /^liveness_ms: /,
  })
  t.end()
})
