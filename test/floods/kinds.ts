/** The floods that are tried: each floods one connection, or makes many, until its process ends. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { encodeBundle } from '../../protocol/bundle.ts'
import { encode } from '../../protocol/codec.ts'
import { newToken } from '../../protocol/ids.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import type { PeerKeys } from '../../protocol/keys/peer-keys.ts'
import { hello, noBody, RawPeer, rawSubscriber, requests } from './raw-peer-socket.ts'

export interface FloodOptions {
  readonly endpoint: string
  readonly streams: string
  readonly keys: PeerKeys
}

/** Never resolves: it ends with its process. */
type Flood = (options: FloodOptions, sent: (count: number) => void) => Promise<never>

/** Requests in one bundle: as many as a link of the SDK puts there. */
const BUNDLE = 256

async function welcome(options: FloodOptions): Promise<RawPeer> {
  const peer = new RawPeer(options)
  peer.onMessage(() => undefined)
  await peer.greet()
  return peer
}

function calling(method: string, params: () => unknown, key = ''): Flood {
  return async (options, sent) => {
    const peer = await welcome(options)
    for (;;) {
      await peer.send(requests(BUNDLE, method, params, key))
      sent(BUNDLE)
      await turn()
    }
  }
}

/** Asks for pages and reads none of them. */
const pages: Flood = async (options, sent) => {
  for (;;) {
    const peer = new RawPeer(options)
    peer.link.start(performance.now())
    await peer.flush()
    while (peer.link.state !== 'welcome') {
      peer.link.receive(await peer.socket.receive(), performance.now())
      await peer.flush()
    }
    for (let count = 0; count < 200; count += 1) {
      await peer.send(requests(16, 'output.query', () => ({ session: '@events' })))
      await peer.send(requests(16, 'stream.read', () => ({ session: '@events', from: 1 })))
      sent(32)
      await turn()
    }
  }
}

/** Frames that are no bundle; a new connection when one is ignored. */
const malformed: Flood = async (options, sent) => {
  const garbage = randomBytes(4096)
  for (;;) {
    const peer = new RawPeer(options)
    for (let count = 0; count < 500; count += 1) {
      await peer.frames([garbage.subarray(count), garbage])
      sent(1)
    }
    await turn()
    peer.close()
  }
}

const hellos: Flood = async (options, sent) => {
  const peer = new RawPeer(options)
  void peer.read()
  for (;;) {
    await peer.send(hello(options.keys.own.publicKey))
    sent(1)
    await turn()
  }
}

/** Each challenge is answered, wrongly. */
const proofs: Flood = async (options, sent) => {
  const peer = new RawPeer(options)
  const greeting = hello(options.keys.own.publicKey)
  await peer.send(greeting)
  for await (const [, bodies] of peer.socket) {
    const nonce = bodies?.subarray(-32) ?? noBody
    const body = encode({ nonce, mac: randomBytes(32) })
    await peer.send(encodeBundle([{ head: { kind: 'PROOF' }, body }]))
    await peer.send(greeting)
    sent(1)
  }
  return new Promise(() => undefined)
}

const subscriptions: Flood = async ({ streams, keys }, sent) => {
  const socket = rawSubscriber({ endpoint: streams, keys })
  for (;;) {
    for (let count = 0; count < 64; count += 1) {
      await socket.send(Buffer.concat([Buffer.of(1), Buffer.from(newToken(randomBytes))]))
    }
    sent(64)
    await turn()
  }
}

/** Subscriptions as long as they may be. */
const longSubscriptions: Flood = async ({ streams, keys }, sent) => {
  const socket = rawSubscriber({ endpoint: streams, keys })
  for (;;) {
    for (let count = 0; count < 64; count += 1) {
      await socket.send(Buffer.concat([Buffer.of(1), randomBytes(900)]))
    }
    sent(64)
    await turn()
  }
}

/** Keys that nobody knows, a new one for each connection. */
const keys: Flood = async ({ endpoint, keys: { ring } }, sent) => {
  const knock = async (): Promise<never> => {
    for (;;) {
      const own = newKeyPair(randomBytes)
      const peer = new RawPeer({ endpoint, keys: { own, ring: new KeyRing([ring.current]) } })
      await sleep(30)
      sent(1)
      peer.close()
    }
  }
  return Promise.race(Array.from({ length: 32 }, knock))
}

/** TCP connections that say nothing. */
const silence: Flood = async ({ endpoint }, sent) => {
  const [, port] = /:(\d+)$/.exec(endpoint) ?? []
  let open = 0
  for (;;) {
    for (; open < 8000; open += 1) {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open -= 1
      })
      sent(1)
      if (open % 50 === 0) await turn()
    }
    await sleep(10)
  }
}

/** One ZeroMQ message of very many frames. */
const parts: Flood = async (options, sent) => {
  const peer = await welcome(options)
  const frames = Array.from({ length: 200_000 }, () => noBody)
  for (;;) {
    await peer.frames(frames)
    sent(frames.length)
    await turn()
  }
}

/** Welcomed connections, as many as can be had. */
const connections: Flood = async (options, sent) => {
  const peers: RawPeer[] = []
  for (;;) {
    const peer = new RawPeer(options)
    peers.push(peer)
    peer.onMessage(() => undefined)
    await Promise.race([peer.greet(), sleep(50)])
    sent(1)
    if (peers.length >= 2000) await sleep(1000)
  }
}

export const FLOODS = {
  calls: calling('session.list', () => ({})),
  writes: calling('state.set', () => ({ key: newToken(randomBytes), value: 'x'.repeat(200) }), 'k'),
  tickets: calling('stream.open', () => ({ session: '@events' })),
  pages,
  malformed,
  hellos,
  proofs,
  subscriptions,
  'long-subscriptions': longSubscriptions,
  keys,
  silence,
  parts,
  connections,
} as const satisfies Readonly<Record<string, Flood>>

export type FloodKind = keyof typeof FLOODS
