/** A fuzzer with the valid key of an observer, on real sockets: it changes nothing, and reads what it may. */
import { randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import type { KeyPair } from '../../protocol/keys/key-pair.ts'
import type { Reach } from '../../protocol/methods/define.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { worldState } from '../support/world-state.ts'
import { AgentPeer } from '../support/zmtp/agent-peer.ts'
import type { CurveSession } from '../support/zmtp/curve.ts'
import { HostPeer } from '../support/zmtp/host-peer.ts'
import { XSUB } from '../support/zmtp/wire.ts'
import { type Case, Cases } from './observer-cases.ts'

const CASES = Number(process.env['AGENTMQ_ATTACK_CASES'] ?? 3000)
const SEED = Number(process.env['AGENTMQ_ATTACK_SEED'] ?? randomInt(2 ** 31))
/** Cases that are sent before the attacker looks whether it is still there. */
const BURST = 20

const SECRET = 'known-to-anna-alone'

/** A session of anna that holds the secret, in all places that a session has, and more to be changed. */
async function world(stage: AttackStage) {
  const host = new HostPeer(
    await stage.welcomed(await stage.principal('hostess', ['host']), 'host'),
    'hostess',
  )
  await host.register()
  const anna = await stage.welcomed(await stage.principal('anna', ['operator']))
  const creating = anna.call('1', 'session.create', { backend: 'hostess', name: `${SECRET}-1` })
  const session = await host.started()
  await creating
  const prompting = anna.call('2', 'session.prompt', { session, text: `${SECRET} 2` })
  host.reply((await host.asked('agent.prompt')).id, {})
  await prompting
  host.append(session, `${SECRET} 3`)
  await host.peer.hearKind('APPENDED')
  keepAlive(host.peer)
  const { task } = await stage.admin.call('task.create', { title: 'kept' })
  await stage.admin.call('state.set', { key: 'color', value: 'red' })
  const { ticket } = (await anna.call('3', 'stream.open', { session })) as { ticket: string }
  return { hearsay: [session, session.slice(0, 8), 'hostess', 'anna', task, ticket] }
}

/** Answers heartbeats to the end of the test, so that the host is not lost meanwhile. */
function keepAlive(peer: AgentPeer): void {
  const listen = async (): Promise<void> => {
    // That nothing but heartbeats came for a while is what is to be expected here.
    while (await peer.hear().catch(() => 'nothing'));
  }
  listen().catch(() => undefined)
}

/** Sends cases, and keeps all that comes back. */
class Attacker {
  readonly #stage: AttackStage
  readonly #own: KeyPair
  readonly #heard: Buffer[] = []
  #peer: AgentPeer | undefined
  #reader: CurveSession | undefined
  #looks = 0
  connections = 0

  constructor(stage: AttackStage, own: KeyPair) {
    this.#stage = stage
    this.#own = own
  }

  async send(cases: readonly Case[]): Promise<void> {
    const peer = await this.#connected()
    const { session } = peer
    for (const one of cases) {
      if (one.type === 'messages') peer.say(...one.messages)
      else if (one.type === 'frames') session.send(one.frames)
      else if (one.type === 'command') session.command(one.name, one.data)
      else this.#reader?.send(one.frames)
    }
    this.#looks += 1
    const id = `look ${this.#looks}`
    const end = await peer.call(id, 'system.info', {}).catch(() => 'closed')
    if (end === 'closed' || end === 'NOT_WELCOME' || end === 'GOODBYE') this.#peer = undefined
  }

  get heard(): Buffer {
    return Buffer.concat(this.#heard)
  }

  async #connected(): Promise<AgentPeer> {
    if (this.#peer) return this.#peer
    this.connections += 1
    const peer = new AgentPeer(this.#listening(await this.#stage.session(this.#own)))
    await peer.greet(this.#own, this.#stage.door.key)
    const { streams: endpoint } = this.#stage.door
    this.#reader = this.#listening(await this.#stage.session(this.#own, { endpoint, claims: XSUB }))
    this.#drain(this.#reader).catch(() => undefined)
    this.#peer = peer
    return peer
  }

  async #drain(session: CurveSession): Promise<void> {
    while (await session.receive());
  }

  #listening(session: CurveSession): CurveSession {
    session.onFrame = (body) => this.#heard.push(body)
    return session
  }
}

async function attack(t: Test, reach: Reach): Promise<void> {
  const stage = await AttackStage.start(t)
  const { hearsay } = await world(stage)
  const attacker = new Attacker(stage, await stage.principal('mallory', ['observer'], reach))
  const before = await worldState(stage.admin)
  const cases = new Cases(SEED, hearsay)
  for (let sent = 0; sent < CASES; sent += BURST) {
    await attacker.send(Array.from({ length: BURST }, () => cases.next()))
  }
  t.comment(`seed ${SEED}, ${CASES} cases, ${attacker.connections} connections`)
  t.equal(await worldState(stage.admin), before, 'nothing has changed')
  t.ok(attacker.heard.length > 10_000, 'it was answered')
  const isRead = attacker.heard.includes(SECRET)
  if (reach === 'own') t.notOk(isRead, 'it has read nothing of others')
  else t.ok(isRead, 'who may read it does, so the other one could have')
}

t.test('an observer who sends anything there is changes nothing', (t) => attack(t, 'all'))

t.test('an observer with reach own reads nothing of others besides', (t) => attack(t, 'own'))
