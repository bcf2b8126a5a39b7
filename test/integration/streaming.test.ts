/** Readers of one stream: early, late, through a restart of the broker. Real processes, real sockets. */
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'

const isEnd = ({ type }: StreamItem): boolean => type === 'complete'

/** What a reader showed, without what only its own clock could tell. */
function shown(items: readonly StreamItem[]): string[] {
  return items.map((item) => JSON.stringify(item))
}

t.test('ten clients, five of them late, show the same chunks in the same order', async (t) => {
  const { cluster } = await Cluster.start(t)
  const owner = await cluster.connect()
  const session = await owner.createSession({ backend: 'demo', cwd: cluster.workspace })
  const clients = await Promise.all(Array.from({ length: 10 }, () => cluster.connect()))
  const early = clients.slice(0, 5).map((client) => until(client.follow(session.id), isEnd))
  await turn(session, '@@count(3000)')
  await session.prompt('hello')
  const late = clients.slice(5).map((client) => until(client.follow(session.id), isEnd))
  await until(session.follow(), (item) => item.type === 'turn_complete' && item.turn_number === 2)
  await session.stop()
  const [first, ...others] = (await Promise.all([...early, ...late])).map(shown)
  t.ok(first && first.length > 20, `${first?.length} chunks`)
  for (const other of others) t.strictSame(other, first)
})

t.test('sequences are 1, 2, 3 … and the text is whole', async (t) => {
  const { cluster } = await Cluster.start(t)
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  const seen = await turn(session, '@@count(5000)')
  t.equal(textOf(seen), Array.from({ length: 5000 }, (_, index) => `${index + 1} `).join(''))
  const all = await until(session.follow(), ({ type }) => type === 'turn_complete')
  t.strictSame(
    all.map((item) => ('seq' in item ? item.seq : undefined)),
    all.map((_, index) => index + 1),
  )
  t.strictSame(only(all, 'gap'), [])
})

t.test('a reader goes on through kill -9 of the broker, without a hole or a repeat', async (t) => {
  const { cluster, broker } = await Cluster.start(t)
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  await session.prompt('@@slow(40)')
  const reading = until(session.follow(), ({ type }) => type === 'turn_complete')
  await until(session.follow(), ({ type }) => type === 'text')
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  const seen = await reading
  t.strictSame(
    seen.map((item) => ('seq' in item ? item.seq : undefined)),
    seen.map((_, index) => index + 1),
  )
  t.match(seen.at(-1), { type: 'turn_complete', turn_number: 1, reason: 'end_turn' })
  const again = await turn(session, '@@recall')
  t.match(textOf(again), /1|one/, 'and the session goes on')
})

t.test('a call that was sent into a dead broker is answered by the next one', async (t) => {
  const { cluster, broker } = await Cluster.start(t)
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  await cluster.signal(broker, 'SIGKILL')
  const asked = session.prompt('@@echo(after the restart)')
  await cluster.broker()
  t.match(await asked, { turn: 1 })
  const seen = await until(session.follow(), ({ type }) => type === 'turn_complete')
  t.equal(textOf(seen), 'after the restart')
  t.equal(only(seen, 'prompt').length, 1, 'and was carried out once')
})
