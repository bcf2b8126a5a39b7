/** Attacks with a key of the broker that was stolen, around the change of that key. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Router } from 'zeromq'
import { NO_DOOR } from '../../broker/core/access.ts'
import { decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import { encode } from '../../protocol/codec.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import type { WelcomeBody } from '../../protocol/messages/handshake.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { readKeys } from '../../protocol/process/key-file.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { LiveBroker } from '../support/live-broker.ts'
import { remotePeer } from '../support/remote-peers.ts'
import { helloOf, macOf } from '../support/zmtp/agent-peer.ts'
import { mirror } from '../support/zmtp/mirror.ts'

const SESSION = '00000000-0000-4000-8000-000000000000'

type Answer = (head: Head) => Message | undefined

/** Somebody in the place of the broker, with a key of it; tells what peers tell him. */
async function impostor(t: Test, secretKey: string, answer: Answer = () => undefined) {
  const socket = new Router({ linger: 0, curveServer: true, curveSecretKey: secretKey })
  t.teardown(() => socket.close())
  const kinds: string[] = []
  const events: string[] = []
  const listen = async () => {
    for await (const [id = Buffer.alloc(0), ...frames] of socket) {
      for (const entry of decodeBundle(frames)) {
        if (!entry.ok) continue
        kinds.push(entry.message.head.kind)
        const message = answer(entry.message.head)
        const bundle = message && encodeBundle([message])
        if (bundle) await socket.send([id, bundle.heads, bundle.bodies])
      }
    }
  }
  const watch = async () => {
    for await (const { type } of socket.events) events.push(type)
  }
  watch().catch(() => undefined)
  await socket.bind('tcp://127.0.0.1:*')
  listen().catch(() => undefined)
  return { endpoint: socket.lastEndpoint ?? '', kinds, events }
}

async function stage(t: Test) {
  const broker = await LiveBroker.start(t, { listen: 'tcp://127.0.0.1:*' })
  const stolen = readKeys(join(broker.dir, 'keys', 'broker.key'))?.current.secretKey ?? ''
  return { stage: await AttackStage.on(t, broker), stolen }
}

t.test('a peer that has met the next key does not believe the old one any more', async (t) => {
  const { stage: scene, stolen } = await stage(t)
  const { admin, door } = scene
  const peer = await remotePeer(t, door)
  await admin.call('key.add', { principal: 'anna', key: peer.publicKey, roles: ['operator'] })
  const client = await peer.connect()
  const told = client.call('system.info', {})
  await admin.call('key.rotate', { step: 'begin' })
  await told
  await client.call('system.info', {})
  await admin.call('key.rotate', { step: 'finish' })
  const next = await peer.connect({ connectTimeoutMs: 20_000 }) // under the new key
  await next.close()
  const { endpoint, kinds, events } = await impostor(t, stolen)
  const fooled = peer.connect({ endpoint, connectTimeoutMs: 3000 })
  await t.rejects(fooled, { code: 'UNREACHABLE' })
  t.ok(events.includes('accept'), 'it did dial')
  t.notOk(events.includes('handshake'))
  t.same(kinds, [], 'and said nothing')
})

t.test('a stolen key of the broker, old or present, lets nobody in', async (t) => {
  const { stage: scene } = await stage(t)
  const anna = await scene.principal('anna', ['admin'])
  const mallory = await scene.principal('mallory', ['observer'])
  await scene.admin.call('key.rotate', { step: 'begin' })
  await scene.admin.call('key.rotate', { step: 'finish' })
  const { door } = await scene.admin.call('key.list', {})
  t.match(await scene.attempt(anna), { type: 'refused' }, 'nobody connects under the old key')
  const peer = await scene.connection(mallory, { serverKey: door.key })
  const hello = helloOf({ key: anna.publicKey })
  peer.hello(hello)
  t.equal(await peer.refusal(), 'UNAUTHENTICATED')
})

t.test('a key that is not announced by the broker itself is not learnt', async (t) => {
  const { stage: scene } = await stage(t)
  const mallory = await scene.principal('mallory', ['admin'])
  const peer = await scene.welcomed(mallory)
  peer.say({ head: { kind: 'NEXT_KEY', key: mallory.publicKey } })
  t.equal(await peer.refusal(), 'UNSUPPORTED')
  const { door } = await scene.admin.call('key.list', {})
  t.equal(door.next_key, '')
})

t.test('a proof that another broker was given is none here', async (t) => {
  const { stage: scene } = await stage(t)
  const own = await scene.principal('anna', ['operator'])
  const peer = await scene.connection(own)
  const hello = helloOf({ key: own.publicKey })
  peer.hello(hello)
  // The other broker passes the nonce on, and what it gets back.
  const nonce = await peer.challenge()
  peer.prove(nonce, macOf(own, newKeyPair(randomBytes).publicKey, nonce, hello))
  t.equal(await peer.refusal(), 'UNAUTHENTICATED')
})

t.test('a broker that sends its readers elsewhere does not make them talk there', async (t) => {
  const broker = newKeyPair(randomBytes)
  const trap = await mirror(t, 'XPUB')
  const { endpoint } = await impostor(t, broker.secretKey, (head) => answer(head, trap.endpoint))
  const peer = await remotePeer(t, { ...NO_DOOR, endpoint, key: broker.publicKey })
  const client = await peer.connect()
  const following = client.follow(SESSION).next()
  following.catch(() => undefined)
  await trap.spoken
  await client.close()
  t.notOk(trap.heard.includes(TICKET), 'it has not the key of the broker')
})

const TICKET = 'a-ticket-that-says-something'

/** A broker that believes everybody, and has its streams somewhere else. */
function answer(head: Head, streams: string): { head: Head; body: Buffer } | undefined {
  const body = (value: unknown) => encode(value)
  if (head.kind === 'HELLO') return { head: { kind: 'WELCOME' }, body: body(welcome(streams)) }
  if (head.kind !== 'REQUEST') return undefined
  const opened = { session: SESSION, ticket: TICKET, topic: 'x', head: 0 }
  return { head: { kind: 'REPLY', id: head.id }, body: body(opened) }
}

const welcome = (streams: string): WelcomeBody => ({
  ...{ principal: 'anna', roles: ['operator'], minor: 0, features: [], streams },
  ...{ heartbeat_ms: 1000, liveness_ms: 6000, max_bodies_bytes: 4_000_000, max_messages: 1024 },
  ...{ credit: 0, epoch: 1, instance: 'x', software: 'x', resume: 'x' },
})
