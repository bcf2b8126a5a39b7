/** A broker that listens to the network, an admin on this machine, and whoever attacks it by hand. */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { type KeyPair, newKeyPair } from '../../protocol/keys/key-pair.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { Reach } from '../../protocol/methods/define.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import { Cluster } from './cluster.ts'
import { LiveBroker } from './live-broker.ts'
import { LISTEN } from './remote-peers.ts'
import { AgentPeer } from './zmtp/agent-peer.ts'
import {
  type CurveLies,
  type CurveOutcome,
  type CurveSession,
  curveHandshake,
} from './zmtp/curve.ts'
import { DEALER, type Properties } from './zmtp/wire.ts'

export interface Attempt {
  readonly endpoint?: string
  readonly serverKey?: string
  readonly claims?: Properties
  readonly lies?: CurveLies
}

export class AttackStage {
  readonly t: Test
  readonly admin: Client
  readonly door: DoorInfo

  private constructor(t: Test, admin: Client, door: DoorInfo) {
    this.t = t
    this.admin = admin
    this.door = door
  }

  /** In this process. */
  static async start(t: Test, flags: Readonly<Record<string, unknown>> = {}): Promise<AttackStage> {
    return AttackStage.on(t, await LiveBroker.start(t, { listen: 'tcp://127.0.0.1:*', ...flags }))
  }

  static async on(t: Test, broker: LiveBroker): Promise<AttackStage> {
    return AttackStage.with(t, await broker.connect(t))
  }

  /** In a process of its own, that may end with the attack. */
  static async apart(t: Test, within: readonly string[] = []): Promise<AttackStage> {
    const cluster = await Cluster.make(t)
    await cluster.broker({ args: [...LISTEN], within })
    return AttackStage.with(t, await cluster.connect())
  }

  static async with(t: Test, admin: Client): Promise<AttackStage> {
    const { door } = await admin.call('key.list', {})
    return new AttackStage(t, admin, door)
  }

  /** A key that an admin has added. */
  async principal(name: string, roles: readonly Role[], reach: Reach = 'all'): Promise<KeyPair> {
    const own = newKeyPair(randomBytes)
    const key = own.publicKey
    await this.admin.call('key.add', { principal: name, key, roles: [...roles], reach })
    return own
  }

  async attempt(own: KeyPair, attempt: Attempt = {}): Promise<CurveOutcome> {
    const { endpoint = this.door.endpoint, serverKey = this.door.key, ...rest } = attempt
    const outcome = await curveHandshake(endpoint, { serverKey, own, ...rest })
    if (outcome.type === 'ready') this.t.teardown(() => outcome.session.connection.close())
    if (outcome.type === 'stopped') this.t.teardown(() => outcome.connection.close())
    return outcome
  }

  /** A CURVE connection to ROUTER. Throws when it is refused. */
  async connection(own: KeyPair, attempt: Attempt = {}): Promise<AgentPeer> {
    return new AgentPeer(await this.session(own, attempt))
  }

  async session(own: KeyPair, attempt: Attempt = {}): Promise<CurveSession> {
    const outcome = await this.attempt(own, { claims: DEALER, ...attempt })
    if (outcome.type !== 'ready') throw new Error(`refused: ${JSON.stringify(outcome)}`)
    return outcome.session
  }

  /** A peer that is welcome. */
  async welcomed(own: KeyPair, role: Role = 'admin', attempt: Attempt = {}): Promise<AgentPeer> {
    const peer = await this.connection(own, attempt)
    await peer.greet(own, this.door.key, { role })
    return peer
  }
}
