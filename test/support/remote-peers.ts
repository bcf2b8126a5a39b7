/** Principals of another machine: a broker that listens to the network, and clients with keys of their own. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Client, type ConnectOptions, connect } from '../../clients/sdk/index.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import { ownKeys } from '../../protocol/process/key-file.ts'
import type { Cluster, Part } from './cluster.ts'

/** Any free ports; the broker tells which. */
export const LISTEN = ['--listen', 'tcp://127.0.0.1:*'] as const

export function doorOf(broker: Part): DoorInfo {
  return broker.ready['door'] as DoorInfo
}

export interface RemotePeer {
  readonly dir: string
  readonly keyFile: string
  readonly publicKey: string
  /** As it would be written in a context. */
  readonly place: ConnectOptions
  connect(options?: ConnectOptions): Promise<Client>
}

/** A machine of its own, as far as files go. */
export async function remotePeer(t: Test, door: DoorInfo): Promise<RemotePeer> {
  const dir = await mkdtemp(join(tmpdir(), 'amq-peer-'))
  const clients: Client[] = []
  t.teardown(async () => {
    for (const client of clients) await client.close()
    await rm(dir, { recursive: true, force: true })
  })
  const keyFile = join(dir, 'keys', 'client.key')
  const { publicKey } = ownKeys(keyFile, randomBytes)
  const place = { dir, endpoint: door.endpoint, brokerKey: door.key, keyFile }
  return {
    dir,
    keyFile,
    publicKey,
    place,
    connect: async (options = {}) => {
      const client = await connect({ ...place, ...options })
      clients.push(client)
      return client
    },
  }
}

/** One that an admin has added. */
export async function addedPeer(
  t: Test,
  { cluster, door }: { readonly cluster: Cluster; readonly door: DoorInfo },
  principal: string,
  roles: readonly Role[],
): Promise<RemotePeer> {
  const peer = await remotePeer(t, door)
  const admin = await cluster.connect()
  await admin.call('key.add', { principal, key: peer.publicKey, roles: [...roles] })
  return peer
}
