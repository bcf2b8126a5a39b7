/** Rights that change: at once, over real sockets, whatever the peer does about it, and to nobody else's loss. */
import t, { type Test } from 'tap'
import type { Actor, Follow, SessionHandle } from '../../clients/sdk/index.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import { turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { RawPeer } from '../support/raw-peer.ts'
import { addedPeer, doorOf, LISTEN } from '../support/remote-peers.ts'

/** A broker on the network with a host, an admin of its machine, and a session of that admin. */
async function stage(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker({ args: [...LISTEN] })
  await cluster.host()
  const admin = await cluster.connect()
  const session = await admin.createSession({ backend: 'demo' })
  await turn(session, 'before')
  const place = { cluster, door: doorOf(broker) }
  const peer = (name: string, ...roles: readonly Role[]) => addedPeer(t, place, name, roles)
  return { cluster, admin, session, peer }
}

async function failure(work: Promise<unknown>): Promise<ProtocolError | undefined> {
  return work.then(
    () => undefined,
    (thrown: unknown) => ProtocolError.from(thrown, 'client'),
  )
}

/** A reader that has all that is there. */
async function readerOf(actor: Actor, { id }: SessionHandle): Promise<Follow> {
  const items = actor.follow(id)
  const { head } = await actor.call('session.get', { session: id })
  for (;;) {
    const { value } = await items.next()
    if (!value || (value.type !== 'gap' && value.seq >= head)) return items
  }
}

/** What comes from here to the end of this turn: every sequence, once. */
async function rest(items: Follow, turnNumber: number): Promise<void> {
  let last = 0
  for (;;) {
    const { value: item } = await items.next()
    if (!item || item.type === 'gap')
      throw new Error(`after ${last} comes ${item?.type ?? 'nothing'}`)
    if (last > 0 && item.seq !== last + 1) throw new Error(`${item.seq} comes after ${last}`)
    last = item.seq
    if (item.type === 'turn_complete' && item.turn_number === turnNumber) return
  }
}

t.test('an operator that becomes an observer controls nothing more, and reads on', async (t) => {
  const { admin, session, peer } = await stage(t)
  const anna = await (await peer('anna', 'operator')).connect()
  const items = await readerOf(anna, session)
  await admin.call('key.add', { principal: 'anna', roles: ['observer'] })
  const denied = await failure(anna.call('session.prompt', { session: session.id, text: 'x' }))
  t.match(denied, { code: 'FORBIDDEN', executed: 'no' })
  t.same(anna.welcome.roles, ['observer'])
  await turn(session, 'after')
  await rest(items, 2)
  await admin.call('key.add', { principal: 'anna', roles: ['operator'] })
  await anna.session(session.id).prompt('again')
  await rest(items, 3)
})

t.test('with reach own all else is gone, and others miss nothing of it', async (t) => {
  const { admin, session, peer } = await stage(t)
  const anna = await (await peer('anna', 'operator')).connect()
  const olga = await (await peer('olga', 'observer')).connect()
  const own = await anna.createSession({ backend: 'demo' })
  const [foreign, mine, olgas] = [
    await readerOf(anna, session),
    await readerOf(anna, own),
    await readerOf(olga, session),
  ]
  const events = anna.follow('@events')
  await events.next()
  const next = failure(foreign.next())
  const told = failure(until(events, () => false))
  await admin.call('key.add', { principal: 'anna', reach: 'own' })
  t.match(await next, { code: 'NO_SUCH_SESSION' })
  t.match(await told, { code: 'FORBIDDEN' })
  t.match(await failure(anna.session(session.id).refresh()), { code: 'NO_SUCH_SESSION' })
  await turn(session, 'unheard')
  await rest(olgas, 2)
  await turn(own, 'my own')
  await rest(mine, 1)
  t.match(await anna.call('session.list', {}), { total: 1 })
})

t.test('the same through a gateway, whose other users go on', async (t) => {
  const { admin, session, peer } = await stage(t)
  const gateway = await (await peer('web', 'gateway')).connect({ role: 'gateway' })
  for (const principal of ['anna', 'olga']) {
    await admin.call('key.add', { principal, roles: ['operator'] })
  }
  const [anna, olga] = [gateway.as('anna'), gateway.as('olga')]
  t.match(await failure(gateway.call('session.list', {})), { code: 'FORBIDDEN' })
  const own = await anna.createSession({ backend: 'demo' })
  t.match(own.info, { owner: 'anna' })
  // Two users on one stream, over one connection.
  const [foreign, mine, olgas] = [
    await readerOf(anna, session),
    await readerOf(anna, own),
    await readerOf(olga, session),
  ]
  const next = failure(foreign.next())
  const { cursor } = await anna.call('approval.list', { changed_since: 0 })
  const asked = failure(anna.call('approval.list', { changed_since: cursor, wait_ms: 25_000 }))
  await anna.call('system.info', {}) // so the call that waits is there, too
  await admin.call('key.add', { principal: 'anna', reach: 'own' })
  t.match(await next, { code: 'NO_SUCH_SESSION' })
  t.match(await asked, { code: 'FORBIDDEN' })
  await turn(session, 'unheard')
  await rest(olgas, 2)
  await turn(own, 'my own')
  await rest(mine, 1)
  const last = failure(mine.next())
  await admin.call('key.revoke', { principal: 'anna' })
  t.match(await last, { code: 'FORBIDDEN' })
  t.match(await failure(anna.call('session.list', {})), { code: 'FORBIDDEN' })
  await turn(session, 'and on')
  await rest(olgas, 3)
})

t.test('a gateway that is none any more is out, with all whom it acted for', async (t) => {
  const { admin, session, peer } = await stage(t)
  const gateway = await (await peer('web', 'gateway')).connect({ role: 'gateway' })
  await admin.call('key.add', { principal: 'anna', roles: ['operator'] })
  const items = await readerOf(gateway.as('anna'), session)
  const next = failure(items.next())
  await admin.call('key.add', { principal: 'web', roles: ['observer'] })
  t.match(await next, { code: 'FORBIDDEN' })
  await gateway.closed
})

t.test(
  'a peer that stays on a topic and never greets again hears and does nothing more',
  async (t) => {
    const { admin, session, peer } = await stage(t)
    await admin.call('key.add', { principal: 'user', roles: ['operator'] })
    const olga = await (await peer('olga', 'observer')).connect()
    const changes = [
      { name: 'anna', role: 'operator', user: {}, change: { principal: 'anna', reach: 'own' } },
      {
        name: 'bob',
        role: 'operator',
        user: {},
        change: { principal: 'bob', roles: ['observer'] },
      },
      {
        name: 'web',
        role: 'gateway',
        user: { user: 'user' },
        change: { principal: 'web', roles: ['observer'] },
      },
      {
        name: 'web2',
        role: 'gateway',
        user: { user: 'user' },
        change: { principal: 'user', reach: 'own' },
      },
    ] as const
    for (const [index, { name, role, user, change }] of changes.entries()) {
      const raw = await RawPeer.connect(t, await peer(name, role), role)
      const open = { session: session.id }
      const { ticket } = await raw.call('stream.open', open, user)
      await raw.subscribe(ticket)
      t.match((await raw.heard()).head, { kind: 'HEAD', session: session.id }, `${name} hears it`)
      const olgas = await readerOf(olga, session)
      const { principal, ...rights } = change
      await admin.call('key.add', {
        principal,
        ...('roles' in rights ? { roles: [...rights.roles] } : rights),
      })
      await turn(session, 'unheard')
      await rest(olgas, index + 2)
      await olgas.return()
      // Another stream, on the same pipe: what is sent of the first would come before it.
      const fence = await admin.createSession({ backend: 'demo' })
      await raw.subscribe((await admin.call('stream.open', { session: fence.id })).ticket)
      const heard = new Set<unknown>()
      for (;;) {
        const { head } = await raw.heard()
        if ('session' in head && head.session === fence.id) break
        heard.add(head.kind)
      }
      t.notOk(heard.has('CHUNK'), `${name} hears no more of it`)
      const prompt = { session: session.id, text: 'x' }
      t.match(
        await failure(raw.call('session.prompt', prompt, user)),
        { code: /^(NOT_WELCOME|NO_SUCH_SESSION)$/ },
        `${name} does no more to it`,
      )
    }
  },
)
