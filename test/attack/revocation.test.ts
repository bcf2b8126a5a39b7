/** What is left to a peer whose key was revoked, or whose rights have changed, while it was connected. */
import t from 'tap'
import { AttackStage } from '../support/attack-stage.ts'
import { helloOf, macOf, requestOf } from '../support/zmtp/agent-peer.ts'
import { HostPeer } from '../support/zmtp/host-peer.ts'

const create = (id: string) => requestOf(id, 'task.create', { title: id })

t.test('a revoked peer is heard no more, whatever it has sent already', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const peer = await stage.welcomed(anna)
  const revoked = stage.admin.call('key.revoke', { principal: 'anna' })
  t.equal(await peer.refusal(), 'GOODBYE')
  t.match(await revoked, { revoked: 1, connections: 1 })
  peer.say(create('1'), create('2'))
  peer.hello(helloOf({ key: anna.publicKey }))
  t.match(await stage.attempt(anna), { type: 'refused' }, 'and connects no more')
  t.match(await stage.admin.call('task.list', {}), { total: 0 })
})

t.test('a handshake that was begun before the revocation is not finished after it', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const peer = await stage.connection(anna)
  const silent = await stage.connection(anna)
  const hello = helloOf({ key: anna.publicKey })
  peer.hello(hello)
  const nonce = await peer.challenge()
  await stage.admin.call('key.revoke', { principal: 'anna' })
  peer.prove(nonce, macOf(anna, stage.door.key, nonce, hello))
  t.equal(await peer.refusal(), 'UNAUTHENTICATED')
  silent.hello(hello)
  t.equal(await silent.refusal(), 'KEY_REVOKED', 'nor is one that was only connected')
})

t.test('one key of two is revoked alone', async (t) => {
  const stage = await AttackStage.start(t)
  const first = await stage.principal('anna', ['operator'])
  const second = await stage.principal('anna', ['operator'])
  const peers = [await stage.welcomed(first), await stage.welcomed(second)] as const
  await stage.admin.call('key.revoke', { key: first.publicKey })
  t.equal(await peers[0].refusal(), 'GOODBYE')
  t.match(await peers[1].call('1', 'task.create', { title: 'x' }), { owner: 'anna' })
  const again = { principal: 'anna', key: first.publicKey }
  await t.rejects(stage.admin.call('key.add', again), { code: 'INVALID_PARAMS' }, 'for good')
  const other = { ...again, principal: 'berta' }
  await t.rejects(stage.admin.call('key.add', other), { code: 'KEY_TAKEN' }, 'under any name')
})

t.test('who has fewer rights than before has them at once', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const peer = await stage.welcomed(anna)
  await stage.admin.call('key.add', { principal: 'anna', roles: ['observer'] })
  t.equal(await peer.refusal(), 'NOT_WELCOME')
  t.equal(await peer.call('1', 'task.create', { title: 'x' }), 'NOT_WELCOME')
  const { roles } = await peer.greet(anna, stage.door.key)
  t.same(roles, ['observer'])
  t.equal(await peer.call('2', 'task.create', { title: 'x' }), 'FORBIDDEN')
})

t.test(
  'a host that may not be one any more has no sessions, also if it never greets again',
  async (t) => {
    const stage = await AttackStage.start(t)
    const own = await stage.principal('evil', ['host'])
    const host = new HostPeer(await stage.welcomed(own, 'host'), 'evil')
    await host.register()
    const creating = stage.admin.createSession({ backend: 'evil' })
    const session = await host.started()
    await creating
    await stage.admin.call('key.add', { principal: 'evil', roles: ['observer'] })
    t.equal(await host.peer.refusal(), 'NOT_WELCOME')
    t.match(await stage.admin.call('host.get', { host: 'evil' }), { status: 'offline' })
    t.match(await stage.admin.call('session.get', { session }), { status: 'lost' })
    host.append(session, 'late')
    t.equal(await host.peer.refusal(), 'NOT_WELCOME')
  },
)

t.test('a host that hides in a handshake does not outlive its key', async (t) => {
  const stage = await AttackStage.start(t)
  const own = await stage.principal('evil', ['host'])
  const host = new HostPeer(await stage.welcomed(own, 'host'), 'evil')
  await host.register()
  host.peer.hello(helloOf({ key: own.publicKey, role: 'host' }))
  await host.peer.challenge() // and no answer to it
  await stage.admin.call('key.revoke', { principal: 'evil' })
  t.match(await stage.admin.call('host.get', { host: 'evil' }), { status: 'offline' })
})
