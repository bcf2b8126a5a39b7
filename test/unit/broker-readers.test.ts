/** Where readers are, as the broker's core knows it. */
import t from 'tap'
import type { Params } from '../../protocol/methods/index.ts'
import { Client, withSession } from '../support/core-peers.ts'

/** A session of 10 chunks and a client that reads it. */
function stage() {
  const { harness, client, host, session } = withSession()
  const more = (count: number) => {
    for (let made = 0; made < count; made += 1) host.append(session, 'text', { content: 'x' })
  }
  more(8)
  const open = (from?: number, by: Client = client) => {
    const params = { session, ...(from !== undefined && { from }) }
    return by.call('stream.open', params).ticket
  }
  const list = (params: Params<'stream.readers'> = {}) => client.call('stream.readers', params)
  return { harness, client, session, more, open, list }
}

t.test('a reader is behind by what it has not taken, and further behind when it stops', (t) => {
  const { harness, client, session, more, open, list } = stage()
  const ticket = open(4)
  t.match(list().readers, [
    { session, principal: 'local', live: false, position: 3, head: 10, lag: 7, reported_ms: -1 },
  ])
  harness.core.tickets.redeem(ticket)
  client.call('stream.progress', { positions: [[ticket, 9]] })
  t.match(list().readers, [{ live: true, position: 9, lag: 1, reported_ms: 0 }])
  more(50)
  harness.advance(3000)
  t.match(list().readers, [{ position: 9, head: 60, lag: 51, reported_ms: 3000, opened_ms: 3000 }])
  client.call('stream.progress', { positions: [[ticket, 60]] })
  t.match(list().readers, [{ lag: 0 }])
  client.call('stream.close', { ticket })
  t.same(list(), { readers: [], total: 0 })
  t.end()
})

t.test('one that waits for what does not exist yet is not behind', (t) => {
  const { open, list } = stage()
  open(500)
  t.match(list().readers, [{ position: 499, head: 10, lag: 0 }])
  t.end()
})

t.test('nobody tells where the reader of another connection is', (t) => {
  const { harness, client, open, list } = stage()
  const ticket = open()
  const other = new Client(harness)
  const positions: [string, number][] = [
    [ticket, 10],
    ['unknown', 1],
  ]
  other.call('stream.progress', { positions })
  t.match(list().readers, [{ position: 0, lag: 10, reported_ms: -1 }])
  client.call('stream.progress', { positions })
  t.match(list().readers, [{ lag: 0 }])
  t.end()
})

t.test('those furthest behind come first; a limit leaves the others out, and says so', (t) => {
  const { harness, session, open, list } = stage()
  const second = new Client(harness)
  for (const from of [9, 3, 6]) open(from, second)
  const lags = (params: Params<'stream.readers'>) => list(params).readers.map(({ lag }) => lag)
  t.same(lags({}), [8, 5, 2])
  t.match(list({ limit: 2 }), { readers: [{ lag: 8 }, { lag: 5 }], total: 3 })
  t.same(lags({ session }), [8, 5, 2])
  t.match(list({ session }).readers[0]?.connection, /^([0-9a-f]{2})+$/)
  second.leave()
  t.equal(list().total, 0)
  t.end()
})

t.test('readers of other sessions are left out when one is named', (t) => {
  const { client, open, list } = stage()
  open()
  const { session } = client.call('session.create', { backend: 'demo' })
  t.same(list({ session }), { readers: [], total: 0 })
  t.match(client.failure('stream.readers', { session: 'nope' }), { code: 'NO_SUCH_SESSION' })
  t.end()
})
