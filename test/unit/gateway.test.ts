/** A gateway: for whom it may act, with which rights, and what becomes of that when rights change. */
import t from 'tap'
import { granted } from '../../broker/core/rights.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { BrokerMethod } from '../../protocol/methods/index.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host } from '../support/core-peers.ts'
import { addPrincipal } from '../support/core-people.ts'

/** A host, two users without a key, and a gateway that has nothing but them. */
function stage(roles: readonly Role[] = ['gateway']) {
  const harness = new CoreHarness()
  const host = new Host(harness)
  host.register()
  addPrincipal(harness, 'web', { roles })
  addPrincipal(harness, 'anna', { reach: 'own' })
  addPrincipal(harness, 'bob', { reach: 'own' })
  const admin = new Client(harness)
  return { harness, host, admin, gateway: new Client(harness, 'web', granted(roles, 'gateway')) }
}

const anna = { user: 'anna' }
const bob = { user: 'bob' }

function moved(client: Client): readonly string[] {
  return client.received.flatMap(({ head }) => (head.kind === 'MOVED' ? [head.ticket] : []))
}

t.test('a gateway is what it is beside that, and never more than an operator', (t) => {
  const rows: readonly (readonly [roles: readonly Role[], gets: readonly Role[]])[] = [
    [['gateway'], ['gateway']],
    [
      ['gateway', 'observer'],
      ['gateway', 'observer'],
    ],
    [
      ['gateway', 'operator'],
      ['gateway', 'operator'],
    ],
    [['gateway', 'host'], ['gateway']],
    [['admin'], ['gateway', 'operator']],
    [['operator'], []],
  ]
  for (const [roles, gets] of rows) t.strictSame(granted(roles, 'gateway'), gets, roles.join())
  t.end()
})

t.test('a gateway that is nothing else does nothing for itself', (t) => {
  const { gateway } = stage()
  for (const method of ['session.list', 'system.info', 'host.list'] as const)
    t.match(gateway.failure(method, {}), { code: 'FORBIDDEN' }, method)
  t.match(gateway.call('session.list', {}, anna), { total: 0 })
  const also = stage(['gateway', 'observer']).gateway
  t.match(also.call('session.list', {}), { total: 0 })
  t.match(also.failure('session.create', demo), { code: 'FORBIDDEN' })
  t.match(also.call('session.create', demo, anna), { owner: 'anna' })
  t.end()
})

t.test('what it does for a user is done by that user', (t) => {
  const { harness, host, gateway } = stage()
  const { session, owner } = gateway.call('session.create', demo, anna)
  t.equal(owner, 'anna')
  gateway.call('session.prompt', { session, text: 'hello' }, anna)
  const approval = host.askApproval(session, 'may-it', {}, 1)
  t.match(gateway.failure('session.get', { session }, bob), { code: 'NO_SUCH_SESSION' })
  t.match(gateway.failure('approval.answer', { approval, decision: 'allow' }, bob), {
    code: 'NO_SUCH_APPROVAL',
  })
  const answered = gateway.call('approval.answer', { approval, decision: 'allow' }, anna)
  t.match(answered, { by: 'anna' })
  t.match(new Client(harness, 'anna', ['operator'], { reach: 'own' }).call('session.list', {}), {
    sessions: [{ session }],
  })
  const { ticket } = gateway.call('stream.open', { session }, anna)
  harness.core.tickets.redeem(ticket)
  t.match(gateway.call('stream.readers', {}, anna), { readers: [{ principal: 'anna' }] })
  t.end()
})

t.test('there are those for whom it may not act', (t) => {
  const { harness, admin, gateway } = stage(['gateway', 'admin'])
  addPrincipal(harness, 'machine', { roles: ['host'] })
  addPrincipal(harness, 'other-web', { roles: ['gateway'] })
  addPrincipal(harness, 'gone')
  admin.call('key.revoke', { principal: 'gone' })
  for (const user of ['local', 'web', 'machine', 'other-web', 'gone', 'nobody']) {
    t.match(gateway.failure('session.list', {}, { user }), { code: 'FORBIDDEN' }, user)
  }
  const person = new Client(harness, 'olga', ['admin'])
  t.match(person.failure('session.list', {}, anna), { code: 'FORBIDDEN' }, 'only a gateway may')
  t.end()
})

t.test('nobody administers through a gateway', (t) => {
  const { harness, gateway } = stage()
  addPrincipal(harness, 'root', { roles: ['admin'] })
  const root = { user: 'root' }
  t.match(gateway.call('session.create', demo, root), { owner: 'root' })
  const admin: readonly BrokerMethod[] = ['key.list', 'key.pending']
  for (const method of admin) t.match(gateway.failure(method, {}, root), { code: 'FORBIDDEN' })
  t.match(gateway.failure('key.add', { principal: 'mallory', roles: ['admin'] }, root), {
    code: 'FORBIDDEN',
  })
  t.end()
})

t.test('a gateway with reach own gives nobody more than that', (t) => {
  const { harness, admin } = stage()
  addPrincipal(harness, 'olga')
  admin.call('session.create', demo)
  const narrow = new Client(harness, 'web', ['gateway'], { reach: 'own' })
  const wide = new Client(harness, 'web', ['gateway'])
  t.match(narrow.call('session.list', {}, { user: 'olga' }), { total: 0 })
  t.match(wide.call('session.list', {}, { user: 'olga' }), { total: 1 })
  t.end()
})

t.test('keys of requests are those of the user, whoever brings them', (t) => {
  const { harness, gateway } = stage(['gateway', 'operator'])
  const key = 'k1'
  const annas = gateway.call('session.create', demo, { ...anna, key })
  const bobs = gateway.call('session.create', demo, { ...bob, key })
  const own = gateway.call('session.create', demo, { key })
  t.strictSame([annas.owner, bobs.owner, own.owner], ['anna', 'bob', 'web'])
  t.equal(new Set([annas, bobs, own].map(({ session }) => session)).size, 3)
  const direct = new Client(harness, 'anna', ['operator'], { reach: 'own' })
  t.strictSame(direct.call('session.create', demo, { key }), annas)
  t.end()
})

t.test('only the connection that asked cancels', (t) => {
  const { harness, gateway } = stage()
  const direct = new Client(harness, 'anna', ['operator'], { reach: 'own' })
  const waiting = { changed_since: 0, wait_ms: 10_000 }
  const id = gateway.ask('approval.list', waiting, anna)
  direct.cancel(id)
  t.notOk(gateway.hasEnd(id))
  gateway.cancel(id)
  t.match(gateway.errorOf(id), { code: 'CANCELLED' })
  t.end()
})

t.test('a user that is revoked is gone from the gateway, and others are not', (t) => {
  const { harness, admin, gateway } = stage()
  const { session } = gateway.call('session.create', demo, anna)
  const bobs = gateway.call('session.create', demo, bob)
  const { ticket, topic } = gateway.call('stream.open', { session }, anna)
  const other = gateway.call('stream.open', { session: bobs.session }, bob)
  for (const one of [ticket, other.ticket]) harness.core.tickets.redeem(one)
  const waiting = { changed_since: 0, wait_ms: 10_000 }
  const [id, stays] = [
    gateway.ask('approval.list', waiting, anna),
    gateway.ask('approval.list', waiting, bob),
  ]
  admin.call('key.revoke', { principal: 'anna' })
  t.match(gateway.errorOf(id), { code: 'FORBIDDEN' })
  t.notOk(gateway.hasEnd(stays))
  t.strictSame(moved(gateway), [ticket])
  t.not(harness.core.streams.of(session).topic, topic)
  t.equal(harness.core.streams.of(bobs.session).topic, other.topic)
  t.match(gateway.failure('stream.open', { session }, anna), { code: 'FORBIDDEN' })
  t.end()
})

t.test('a gateway that is none any more hears nothing of its users', (t) => {
  const { harness, admin, gateway } = stage()
  const { session } = gateway.call('session.create', demo, anna)
  const { ticket, topic } = gateway.call('stream.open', { session }, anna)
  harness.core.tickets.redeem(ticket)
  const unused = gateway.call('stream.open', { session }, anna)
  const id = gateway.ask('approval.list', { changed_since: 0, wait_ms: 10_000 }, anna)
  const direct = new Client(harness, 'anna', ['operator'], { reach: 'own' })
  const own = direct.call('stream.open', { session })
  harness.core.tickets.redeem(own.ticket)
  admin.call('key.add', { principal: 'web', roles: ['observer'] })
  t.match(gateway.errorOf(id), { code: 'FORBIDDEN' })
  t.not(harness.core.streams.of(session).topic, topic)
  t.equal(harness.core.tickets.redeem(unused.ticket), undefined, 'nor what it has not used yet')
  t.strictSame(moved(direct), [own.ticket], 'who still may is told where it goes on')
  t.end()
})

t.test('a call that its user may not make any more is given up', (t) => {
  const { harness, host, admin, gateway } = stage()
  host.holds.add('agent.start')
  const id = gateway.ask('session.create', demo, anna)
  admin.call('key.add', { principal: 'anna', roles: ['observer'] })
  t.match(gateway.errorOf(id), { code: 'FORBIDDEN', executed: 'unknown' })
  t.match(
    host.history.map(({ method }) => method),
    ['agent.start'],
  )
  const [record] = harness.core.sessions.all()
  t.match(record, { owner: 'anna', status: 'starting' })
  host.answer('agent.start')
  t.match(gateway.call('session.list', {}, anna).sessions, [{ owner: 'anna' }])
  t.end()
})

t.test('what changes no rights disturbs nobody', (t) => {
  const { harness, admin, gateway } = stage()
  const { session } = gateway.call('session.create', demo, anna)
  const { ticket, topic } = gateway.call('stream.open', { session }, anna)
  harness.core.tickets.redeem(ticket)
  const key = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'
  admin.call('key.add', { principal: 'anna', note: 'of accounting', key })
  admin.call('key.add', { principal: 'anna', roles: ['operator'], reach: 'own' })
  t.strictSame(moved(gateway), [])
  t.equal(harness.core.streams.of(session).topic, topic)
  t.end()
})
