import { deepStrictEqual } from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import t from 'tap'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Verdict } from '../../protocol/link/broker-link.ts'
import type { HelloBody } from '../../protocol/messages/handshake.ts'
import { seededRandom } from '../support/virtual-clock.ts'
import { CALM, VirtualNetwork, type VirtualPeer, type Weather } from '../support/virtual-link.ts'

const RUNS = Number(process.env['AGENTMQ_TEST_RUNS'] ?? 150)
const FIRST_SEED = Number(process.env['AGENTMQ_TEST_SEED'] ?? 1)
const KEY = Buffer.alloc(32, 9)
const mac = (nonce: Buffer) => createHmac('sha256', KEY).update(nonce).digest()

/** Principals named `key-…` are challenged, all others accepted. */
function authenticator(random: () => number): (hello: HelloBody) => Verdict {
  return ({ principal, role }) => {
    const identity = { principal, roles: [role] }
    if (!principal.startsWith('key-')) return { verdict: 'accept', identity }
    const nonce = Buffer.from(Array.from({ length: 32 }, () => Math.floor(random() * 256)))
    const refusal = new ProtocolError('UNAUTHENTICATED', { principal })
    const verify = (given: Buffer) => (given.equals(mac(nonce)) ? identity : refusal)
    return { verdict: 'challenge', nonce, verify }
  }
}

/** A storm: up to a third of all messages lost or doubled, delays up to two seconds, any order. */
const storm = (random: () => number): Weather => ({
  minMs: 0,
  maxMs: random() * (random() < 0.5 ? 50 : 2000),
  loss: random() * 0.3,
  duplication: random() * 0.3,
  ordered: random() < 0.4,
})

/** One blow of fate. */
function strike(net: VirtualNetwork, peers: readonly VirtualPeer[], random: () => number): void {
  const peer = peers[Math.floor(random() * peers.length)]
  const dice = random()
  if (dice < 0.25 && peer) peer.isCut = !peer.isCut
  else if (dice < 0.4) net.broker.restart()
  else if (dice < 0.5) net.broker.crash()
  else if (dice < 0.6 && peer) peer.link.disconnected(net.clock.now)
  else if (dice < 0.7) net.weather = storm(random)
  else net.broker.isUp = true
}

function survive(seed: number): void {
  const random = seededRandom(seed)
  const net = new VirtualNetwork({
    seed,
    weather: storm(random),
    broker: { authenticate: authenticator(random) },
  })
  const peers = ['anna', 'key-ben', 'key-cleo'].map((name) =>
    net.peer(name, name.startsWith('key-') ? { credentials: { key: '', prove: mac } } : {}),
  )
  for (let blow = 0; blow < 30; blow += 1) {
    net.run(random() * 1500)
    strike(net, peers, random)
  }
  net.broker.isUp = true
  for (const peer of peers) peer.isCut = false
  net.weather = CALM
  net.run(15_000)
  const settled = peers.map((peer) => peer.events.length)
  net.run(15_000)
  const outcome = peers.map(({ name, link, events }) => [
    link.state,
    net.broker.stateOf(name),
    events.length,
  ])
  deepStrictEqual(
    outcome,
    settled.map((count) => ['welcome', 'welcome', count]),
    `seed ${seed}: run again with AGENTMQ_TEST_SEED=${seed} AGENTMQ_TEST_RUNS=1`,
  )
}

t.test('after any weather both sides are welcome again, and stay so', async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) survive(seed)
})
