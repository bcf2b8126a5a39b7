/** Retention with a real broker and its journal on disk: what readers see of a stream that was trimmed. */
import t, { type Test } from 'tap'
import type { Client, StreamItem } from '../../clients/sdk/index.ts'
import { LiveBroker } from '../support/live-broker.ts'
import { ScriptedHost } from '../support/scripted-host.ts'

const LIMIT_BYTES = 65_536
const CHUNKS = 2000

/** A broker that keeps 64 KiB of each session, and an agent whose answers are three times that. */
async function stage(t: Test) {
  const broker = await LiveBroker.start(t, { 'retain-session-bytes': LIMIT_BYTES })
  const host = await ScriptedHost.start({
    endpoint: broker.endpoint,
    onPrompt: (host, { session, turn, text }) => {
      for (let n = 0; n < CHUNKS; n += 1) host.append(session, turn, 'text', { content: text })
      host.endTurn(session, turn)
    },
  })
  t.teardown(() => host.close())
  const client = await broker.connect(t)
  const session = await client.createSession({ backend: 'script' })
  return { broker, host, client, session }
}

/** Everything from the beginning up to the end of a turn. */
async function readToEnd(client: Client, session: string, turn: number): Promise<StreamItem[]> {
  const items: StreamItem[] = []
  for await (const item of client.follow(session)) {
    items.push(item)
    if (item.type === 'turn_complete' && item.turn_number === turn) break
  }
  return items
}

/** Where a reader stood after each item; throws when it was led past anything without a word. */
function positions(t: Test, items: readonly StreamItem[], from = 1): void {
  let next = from
  for (const item of items) {
    const first = item.type === 'gap' ? item.from : item.seq
    if (first !== next) t.fail(`item ${first} came where ${next} was due`)
    next = item.type === 'gap' ? item.to + 1 : item.seq + 1
  }
}

/** Resolves when the broker keeps no more of the session than it should. */
async function trimmed(client: Client, session: string): Promise<number> {
  for (;;) {
    const { gaps, next, head } = await client.call('stream.read', {
      session,
      from: 1,
      max_count: 1,
    })
    const [gap] = gaps
    // Each of these chunks counts for more than 100 bytes.
    if (gap && head - gap.to < LIMIT_BYTES / 100) return gap.to + 1
    if (next > head + 1) throw new Error('read past the head')
  }
}

t.test('a late reader is told what is gone, and gets the rest, also after a restart', async (t) => {
  const { broker, host, client, session } = await stage(t)
  await session.prompt('some words')
  await readToEnd(client, session.id, 1)
  const first = await trimmed(client, session.id)
  const late = await readToEnd(client, session.id, 1)
  positions(t, late)
  t.match(late[0], { type: 'gap', from: 1, reason: 'retention' })
  t.ok(late.length < CHUNKS && late.length > 200, `${late.length} items are kept`)
  const registered = host.registered()
  await broker.restart()
  await registered
  const again = await readToEnd(client, session.id, 1)
  positions(t, again)
  t.match(again[0], { type: 'gap', from: 1, to: first - 1, reason: 'retention' })
  t.same(again, late)
})

t.test('a reader in the middle of reading back when its chunks go sees a gap', async (t) => {
  const { client, session } = await stage(t)
  const reader = client.follow(session.id)
  const items: StreamItem[] = []
  const take = async (): Promise<StreamItem | undefined> => {
    const { value } = await reader.next()
    if (value) items.push(value)
    return value
  }
  await take()
  await session.prompt('some words')
  for (let turn = 1; turn <= 4; turn += 1) {
    if (turn > 1) await session.prompt('some words')
    await readToEnd(client, session.id, turn)
    await trimmed(client, session.id)
    for (let n = 0; n < 10; n += 1) await take() // far slower than the agent writes
  }
  for (;;) {
    const item = await take()
    if (item?.type === 'turn_complete' && item.turn_number === 4) break
  }
  positions(t, items)
  // What came live beyond its own buffer was gone from the journal before it asked.
  t.match(
    items.filter(({ type }) => type === 'gap'),
    [{ reason: 'retention' }],
  )
  await reader.return()
})

t.test('the newest events are kept, and a reader of all is told what is gone', async (t) => {
  const broker = await LiveBroker.start(t, { 'retain-events': 1000 })
  const client = await broker.connect(t)
  const keys = Array.from({ length: 1200 }, (_, index) => `key/${index}`)
  await Promise.all(keys.map((key) => client.call('state.set', { key, value: key })))
  let [first, head] = [1, Number.POSITIVE_INFINITY]
  while (head - first >= 1125) {
    const page = await client.call('stream.read', { session: '@events', from: 1, max_count: 1 })
    head = page.head
    first = (page.gaps[0]?.to ?? 0) + 1
  }
  const items: StreamItem[] = []
  for await (const item of client.follow('@events')) {
    items.push(item)
    if ('seq' in item && item.seq === head) break
  }
  positions(t, items)
  t.match(items[0], { type: 'gap', from: 1, reason: 'retention' })
  const told = items.filter(({ type }) => type === 'event').length
  t.ok(told >= 1000 && told <= 1125, `${told} events are kept`)
})
