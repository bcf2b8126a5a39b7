/** What the audit log of a broker with a network tells of those that it did not let in, or cut off. */
import t from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import { Cluster } from '../support/cluster.ts'
import { addedPeer, doorOf, LISTEN, remotePeer } from '../support/remote-peers.ts'

/** Records of connections, as soon as there are so many. */
async function recordsOfConnections(admin: Client, count: number) {
  const records = []
  for await (const item of admin.follow('@audit', { from: 1 })) {
    if (item.type !== 'audit' || !/^(connection|principal)\./.test(item.method)) continue
    records.push(item)
    if (records.length >= count) break
  }
  return records
}

t.test('who is not let in, or cut off, leaves a record', async (t) => {
  const cluster = await Cluster.make(t)
  const door = doorOf(await cluster.broker({ args: [...LISTEN] }))
  const admin = await cluster.connect()
  const stranger = await remotePeer(t, door)
  await t.rejects(stranger.connect({ connectTimeoutMs: 2500 }), { code: 'KEY_NOT_APPROVED' })
  const olga = await addedPeer(t, { cluster, door }, 'olga', ['observer'])
  await t.rejects(olga.connect({ principal: 'local' }), { code: 'UNAUTHENTICATED' })
  await t.rejects(olga.connect({ role: 'host' }), { code: 'FORBIDDEN' })
  const client = await olga.connect()
  await admin.call('key.revoke', { principal: 'olga' })
  await client.closed
  await t.rejects(olga.connect({ connectTimeoutMs: 2500 }), { code: 'KEY_REVOKED' })
  const target = fingerprint(olga.publicKey)
  const refused = { method: 'connection.refused', executed: 'no' }
  t.match(await recordsOfConnections(admin, 5), [
    {
      ...refused,
      ...{ principal: '', outcome: 'KEY_NOT_APPROVED', target: fingerprint(stranger.publicKey) },
      details: { address: '127.0.0.1' },
    },
    { ...refused, principal: 'olga', outcome: 'UNAUTHENTICATED', target, connection: String },
    { ...refused, principal: 'olga', outcome: 'FORBIDDEN', target },
    { method: 'principal.cut_off', principal: 'olga', outcome: 'KEY_REVOKED', target },
    { ...refused, principal: 'olga', outcome: 'KEY_REVOKED', target },
  ])
})
