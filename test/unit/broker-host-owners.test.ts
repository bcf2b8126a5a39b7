/** Whose a host id is: the first who registers it has it, and nobody else gets its sessions. */
import t, { type Test } from 'tap'
import { HostOwners, MAX_HOSTS_OF_ONE } from '../../broker/core/host-owners.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host } from '../support/core-peers.ts'
import { MemoryJournal } from '../support/memory-journal.ts'

const taken = { code: 'HOST_TAKEN', executed: 'no', retryable: false }

function setUp(journal?: MemoryJournal) {
  const harness = new CoreHarness(journal ? { journal } : {})
  const of = (principal: string, id: string, name?: string) =>
    new Host(harness, id, { principal, ...(name !== undefined && { name }) })
  return { harness, of, client: new Client(harness) }
}

/** What registering fails with; empty when it does not. */
function refusal(host: Host): string {
  try {
    host.register()
    return ''
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

t.test('a host id that another principal has registered cannot be taken over', async (t) => {
  const { harness, of, client } = setUp()
  const host = of('lab', 'h1')
  host.register()
  const { session } = client.call('session.create', demo)
  const thief = of('thief', 'h1')
  t.throws(() => thief.register(), taken)
  t.throws(() => thief.register(), { message: /host id h1 belongs to another principal/ })
  client.call('session.prompt', { session, text: 'for the lab alone' })
  t.strictSame(thief.history, [], 'it is asked for nothing')
  t.match(host.history.at(-1), { method: 'agent.prompt', params: { text: 'for the lab alone' } })
  t.match(client.call('session.get', { session }), { status: 'running', host: 'h1' })
  // Nor when the host is away, which is when it would be easiest.
  host.leave()
  t.equal(refusal(of('thief', 'h1')), 'HOST_TAKEN')
  t.match(client.call('session.get', { session }), { status: 'lost' })
  const back = of('lab', 'h1')
  back.register({ session, epoch: 1, produced: 0, turn: 1, pid: 1 })
  t.match(client.call('session.get', { session }), { status: 'running' })
  t.ok(harness)
})

t.test('whose it is outlives a restart of the broker', async (t) => {
  const { harness, of, client } = setUp()
  of('lab', 'h1').register()
  client.call('session.create', demo)
  const again = harness.restart()
  t.equal(refusal(new Host(again, 'h1', { principal: 'thief' })), 'HOST_TAKEN')
  t.equal(refusal(new Host(again, 'h1', { principal: 'lab' })), '')
  t.equal(refusal(new Host(again.restart(), 'h1', { principal: 'thief' })), 'HOST_TAKEN')
})

t.test('the local user may use any id, which stays whose it was', async (t) => {
  const { of } = setUp()
  const host = of('lab', 'h1')
  host.register()
  t.equal(refusal(of('local', 'h1')), '')
  t.equal(refusal(of('thief', 'h1')), 'HOST_TAKEN')
  t.equal(refusal(of('lab', 'h1')), '', 'its owner comes back')
  of('local', 'h2').register()
  t.equal(refusal(of('lab', 'h2')), 'HOST_TAKEN', 'what is local is local')
})

t.test('a name stands for the hosts of one principal, and no id looks like a name', async (t) => {
  const { of, client } = setUp()
  of('lab', 'h1', 'gpu').register()
  t.throws(() => of('thief', 'h2', 'gpu').register(), { message: /host name gpu belongs/ })
  t.throws(() => of('thief', 'gpu', 'x').register(), { message: /host id gpu belongs/ })
  t.throws(() => of('thief', 'h2', 'h1').register(), { message: /host name h1 belongs/ })
  t.equal(refusal(of('lab', 'h3', 'gpu')), '', 'two of one principal may have one name')
  t.equal(client.call('host.get', { host: 'gpu' }).host, 'h1')
  // The name of an earlier registration is free again once its host has another.
  of('lab', 'h1', 'big').register()
  of('lab', 'h3', 'bigger').register()
  t.equal(refusal(of('thief', 'h2', 'gpu')), '')
  t.equal(refusal(of('lab', 'h1', 'gpu')), 'HOST_TAKEN')
  t.equal(refusal(of('local', 'h4', 'gpu')), '')
  t.equal(refusal(of('thief', 'h2', 'gpu')), '', 'who had it keeps it')
})

t.test('a principal has so many hosts, and those without sessions make room', async (t) => {
  const { of, client, harness } = setUp()
  const first = of('lab', 'h0')
  first.register()
  const { session } = client.call('session.create', demo)
  client.call('session.kill', { session })
  first.exit(session, 0)
  t.match(client.call('session.get', { session }), { status: 'ended', host: 'h0' })
  const others = Array.from({ length: MAX_HOSTS_OF_ONE - 1 }, (_, at) => of('lab', `h${at + 1}`))
  for (const host of others) host.register()
  t.throws(() => of('lab', 'one-more').register(), { code: 'LIMIT_REACHED' })
  t.equal(refusal(of('other', 'o1')), '', 'others are not concerned')
  first.leave()
  t.equal(refusal(of('lab', 'one-more')), 'LIMIT_REACHED', 'its session could be recovered')
  others[3]?.leave()
  t.equal(refusal(of('lab', 'one-more')), '')
  t.equal(refusal(of('other', 'h4')), '', 'an id that means nothing is free')
  t.equal(refusal(of('other', 'h0')), 'HOST_TAKEN')
  const again = harness.restart()
  t.equal(again.core.hostOwners.size, harness.core.hostOwners.size)
  t.equal(refusal(new Host(again, 'h4', { principal: 'lab' })), 'HOST_TAKEN')
})

t.test('the table of ids is bounded', (t) => {
  const owners = new HostOwners(new MemoryJournal({ durability: 'manual' }))
  const claim = (id: string, principal: string, isNeeded = (_: string) => true) =>
    owners.claim({ id, name: id, principal }, { limit: 3, isNeeded })
  for (const id of ['a', 'b', 'c']) claim(id, 'local')
  t.throws(() => claim('d', 'local'), { code: 'OVERLOADED', retryable: true })
  t.strictSame(claim('a', 'local'), [], 'what is known needs no room')
  const operations = claim('d', 'lab', (id) => id !== 'b')
  t.match(operations, [
    { op: 'delete', key: 'host-owner/b' },
    { op: 'put', key: 'host-owner/d' },
  ])
  t.equal(owners.size, 3)
  t.end()
})

t.test('a damaged record says that an id is taken, and only the local user mends it', (t) => {
  const entries = () => [{ key: 'host-owner/odd', value: 7 }][Symbol.iterator]()
  const owners = new HostOwners({ entries, damaged: () => ['host-owner/torn', 'epoch'] })
  const claim = (id: string, principal: string) =>
    owners.claim({ id, name: id, principal }, { limit: 10, isNeeded: () => false })
  for (const id of ['torn', 'odd']) {
    t.throws(() => claim(id, 'lab'), { code: 'HOST_TAKEN' })
    t.match(claim(id, 'local'), [{ op: 'put', key: `host-owner/${id}` }])
    t.throws(() => claim(id, 'lab'), { code: 'HOST_TAKEN' })
  }
  t.match(claim('epoch', 'lab'), [{ op: 'put' }])
  t.end()
})

t.test('what could not be written is written once the disk takes it', async (t: Test) => {
  const journal = new MemoryJournal({ durability: 'manual' })
  const { harness, of } = setUp(journal)
  journal.isFull = true
  of('lab', 'h1').register()
  t.equal(refusal(of('thief', 'h1')), 'HOST_TAKEN', 'memory knows it')
  t.equal(harness.core.redo.size, 1)
  journal.isFull = false
  harness.advance(2000)
  t.equal(refusal(new Host(harness.restart(), 'h1', { principal: 'thief' })), 'HOST_TAKEN')
})

t.test('an id that cannot be a key of the journal is refused', async (t) => {
  const { of } = setUp()
  for (const id of ['', 'ü', 'a b', 'x'.repeat(129), 'a\0']) {
    t.equal(refusal(of('lab', id)), 'INVALID_PARAMS')
  }
})
