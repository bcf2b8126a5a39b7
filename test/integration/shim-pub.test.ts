import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Subscriber } from 'zeromq'
import type { Client, SessionHandle } from '../../clients/sdk/index.ts'
import { Cluster } from '../support/cluster.ts'
import { ScriptedHost } from '../support/scripted-host.ts'
import { ChatSubscriber, doorOf } from '../support/shim-clients.ts'

const ARGS = ['--no-rep', '--no-metrics', '--no-http', '--no-ws']

async function stage(t: Test, args: readonly string[] = []) {
  const { cluster } = await Cluster.start(t)
  const shim = await cluster.shim({ args: [...ARGS, ...args] })
  const client = await cluster.connect()
  return { cluster, shim, client, endpoint: doorOf(shim, 'pub') }
}

function chat(client: Client, cluster: Cluster): Promise<SessionHandle> {
  const metadata = { mode: 'chat' }
  return client.createSession({ backend: 'demo', cwd: cluster.workspace, metadata })
}

type Chunk = { readonly type: string; readonly turn_number?: number; readonly seq: number }
const endOf = (turn: number) => (chunk: Chunk) =>
  chunk.type === 'turn_complete' && chunk.turn_number === turn
const isComplete = ({ type }: Chunk) => type === 'complete'

/** Sequences of what an old reader is to get of a session. */
async function wanted(session: SessionHandle): Promise<number[]> {
  const types = [
    'text',
    'thinking',
    'tool_use_start',
    'tool_use_input',
    'tool_result',
    'turn_complete',
    'error',
    'complete',
  ]
  const { head } = await session.refresh()
  const seqs: number[] = []
  for await (const item of session.follow()) {
    if (item.type === 'gap') throw new Error('a gap')
    if (types.includes(item.type)) seqs.push(item.seq)
    if (item.seq >= head) break
  }
  return seqs
}

t.test('a subscriber gets a chat of many turns to its end, in the old form', async (t) => {
  const { cluster, client, endpoint } = await stage(t)
  const session = await chat(client, cluster)
  const topic = `chat/${session.id}`
  const subscriber = new ChatSubscriber(t, endpoint, topic)
  await session.prompt('hello')
  const first = await subscriber.next()
  t.equal(first.topic, topic)
  const chunks: Chunk[] = [first.chunk, ...(await subscriber.until(endOf(1)))]
  await session.prompt('and again')
  chunks.push(...(await subscriber.until(endOf(2))))
  await session.stop()
  chunks.push(...(await subscriber.until(isComplete)))
  t.match(chunks.at(-1), { type: 'complete', exit_code: Number, session_id: session.id })
  t.same(
    chunks.map(({ seq }) => seq),
    await wanted(session),
  )
})

t.test('who comes late gets what nobody has read, and nobody gets it again', async (t) => {
  const { cluster, client, endpoint } = await stage(t)
  const session = await chat(client, cluster)
  const { sequence } = await session.prompt('is anybody there')
  for await (const item of session.follow({ from: sequence })) {
    if (item.type === 'turn_complete') break
  }
  const late = new ChatSubscriber(t, endpoint, 'chat/')
  const chunks: Chunk[] = await late.until(endOf(1))
  await session.prompt('one more')
  chunks.push(...(await late.until(endOf(2))))
  t.same(
    chunks.map(({ seq }) => seq),
    await wanted(session),
  )
  late.close()
})

t.test('sessions that are no chats are published to nobody', async (t) => {
  const { cluster, client, endpoint } = await stage(t)
  const agent = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  const subscriber = new ChatSubscriber(t, endpoint, '')
  await agent.prompt('hello')
  const session = await chat(client, cluster)
  await session.prompt('hello')
  const topics = new Set<string>()
  for (;;) {
    const { topic, chunk } = await subscriber.next()
    topics.add(topic)
    if (endOf(1)(chunk)) break
  }
  t.same([...topics], [`chat/${session.id}`])
})

t.test('an agent that is made a chat later is streamed from then on', async (t) => {
  const { cluster, client, endpoint } = await stage(t)
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  const subscriber = new ChatSubscriber(t, endpoint, 'chat/')
  await client.call('session.annotate', { session: session.id, metadata: { chat: true } })
  await session.prompt('hello')
  t.ok((await subscriber.until(endOf(1))).length > 1)
})

t.test('after kill -9 of the shim a subscriber goes on without a hole', async (t) => {
  const { cluster, shim, client, endpoint } = await stage(t)
  const session = await chat(client, cluster)
  const subscriber = new ChatSubscriber(t, endpoint, `chat/${session.id}`)
  await session.prompt('before')
  const chunks: Chunk[] = await subscriber.until(endOf(1))
  await cluster.signal(shim, 'SIGKILL')
  await session.prompt('while it is away')
  await cluster.shim({ args: [...ARGS, '--pub-port', new URL(endpoint).port] })
  chunks.push(...(await subscriber.until(endOf(2))))
  await session.prompt('after')
  chunks.push(...(await subscriber.until(endOf(3))))
  const seqs = [...new Set(chunks.map(({ seq }) => seq))]
  t.same(seqs, await wanted(session), 'what is repeated is told by its sequence')
})

t.test('a shim that is ended knows where it was', async (t) => {
  const { cluster, shim, client, endpoint } = await stage(t)
  const session = await chat(client, cluster)
  const subscriber = new ChatSubscriber(t, endpoint, `chat/${session.id}`)
  await session.prompt('before')
  const chunks: Chunk[] = await subscriber.until(endOf(1))
  t.equal(await cluster.signal(shim, 'SIGTERM'), 0)
  await session.prompt('while it is away')
  await cluster.shim({ args: [...ARGS, '--pub-port', new URL(endpoint).port] })
  chunks.push(...(await subscriber.until(endOf(2))))
  t.same(
    chunks.map(({ seq }) => seq),
    await wanted(session),
    'nothing is repeated',
  )
})

t.test('a subscriber that never reads costs the others nothing', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const host = await ScriptedHost.start({
    endpoint: `ipc://${join(cluster.dir, 'run', 'broker.sock')}`,
    onPrompt: (host, { session, turn }) => {
      for (let n = 0; n < 4000; n += 1) {
        host.append(session, turn, 'text', { content: 'x'.repeat(4000) })
      }
      host.endTurn(session, turn)
    },
  })
  t.teardown(() => host.close())
  const shim = await cluster.shim({ args: ARGS.filter((flag) => flag !== '--no-metrics') })
  const client = await cluster.connect()
  // It takes nothing: its own queue is short, and then the shim's is full.
  const stalled = new Subscriber({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4096 })
  t.teardown(() => stalled.close())
  stalled.connect(doorOf(shim, 'pub'))
  stalled.subscribe('chat/')
  const session = await client.createSession({ backend: 'script', metadata: { mode: 'chat' } })
  const reader = new ChatSubscriber(t, doorOf(shim, 'pub'), `chat/${session.id}`)
  await session.prompt('flood')
  t.ok((await reader.until(endOf(1))).length > 1)
  const figures = await (await fetch(doorOf(shim, 'metrics'))).text()
  t.match(figures, /^agentmq_chat_chunks_dropped_total [1-9]/m)
  await cluster.signal(shim, 'SIGTERM')
  t.match(cluster.logOf('clients/shim'), /chunks were dropped for a subscriber/)
})

/** A method of the old chat API. */
async function rpc(
  url: string,
  method: string,
  params: object,
): Promise<{ session_id: string; topic: string; pub_endpoint: string }> {
  const body = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 })
  const response = await fetch(url, { method: 'POST', body })
  const { result, error } = (await response.json()) as { result: never; error?: unknown }
  if (error) throw new Error(JSON.stringify(error))
  return result
}

async function legacyStage(t: Test) {
  const { cluster } = await Cluster.start(t)
  const args = [
    '--no-rep',
    '--no-metrics',
    '--no-ws',
    '--agent-types',
    '{"chat":"demo"}',
    '--chat-hold-ms',
    '600000',
  ]
  const shim = await cluster.shim({ args })
  return { cluster, url: doorOf(shim, 'http'), working_dir: cluster.workspace }
}

t.test('the old GUI creates a chat, subscribes and prompts, again and again', async (t) => {
  const { url, working_dir } = await legacyStage(t)
  const { session_id, topic, pub_endpoint } = await rpc(url, 'chat.create', { working_dir })
  const subscriber = new ChatSubscriber(t, pub_endpoint, topic)
  for (const turn of [1, 2]) {
    await rpc(url, 'chat.prompt', { session_id, prompt: `prompt ${turn}` })
    const chunks = await subscriber.until(endOf(turn))
    t.ok(chunks.some(({ type }) => type === 'text'))
  }
  await rpc(url, 'chat.stop', { session_id })
  t.match((await subscriber.until(isComplete)).at(-1), { exit_code: Number, session_id })
})

t.test('a chat that starts with its prompt waits for its own subscriber', async (t) => {
  const { cluster, url, working_dir } = await legacyStage(t)
  const first = await rpc(url, 'chat.create', { working_dir })
  // Somebody listens to everything, and would have it all before the one who started the chat.
  const all = new ChatSubscriber(t, first.pub_endpoint, 'chat/')
  await rpc(url, 'chat.prompt', { session_id: first.session_id, prompt: 'is it there' })
  await all.until(endOf(1))
  const { session_id, topic } = await rpc(url, 'chat.start', {
    working_dir,
    initial_prompt: 'hello',
  })
  const client = await cluster.connect()
  const session = client.session(session_id)
  for await (const item of session.follow()) if (item.type === 'turn_complete') break
  const own = new ChatSubscriber(t, first.pub_endpoint, topic)
  const seqs = (await own.until(endOf(1))).map(({ seq }) => seq)
  t.same(seqs, await wanted(session))
})
