/** kill -9 of the shim, and of the broker behind it, in the middle of a turn, while clients of every door follow. */
import t, { type Test } from 'tap'
import { Cluster } from '../support/cluster.ts'
import { RepClient } from '../support/rep-client.ts'
import { ChatSubscriber, doorOf, get, serverSentEvents } from '../support/shim-clients.ts'

/** Slow enough that a kill meets the turn, as the readers themselves see. */
const SLOW = { AGENTMQ_DEMO_DELAY_MS: '25' }
const TYPES = ['--agent-types', '{"*":"demo","chat":"demo"}']
const PROMPT = 'many words '.repeat(40)
/** Chunks after which it is killed. */
const SOME = 8

interface Reply {
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: number; readonly message: string }
}

/** Undefined when nobody is there. A status other than 200 is an error of the test. */
async function call(url: string, method: string, params: unknown): Promise<Reply | undefined> {
  const body = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 })
  const response = await fetch(url, { method: 'POST', body }).catch(() => undefined)
  if (!response) return undefined
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return (await response.json().catch(() => undefined)) as Reply | undefined
}

/** What every reader has seen, and the process that it may meet again on the same ports. */
async function stage(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  await cluster.host({ env: SLOW })
  const shim = await cluster.shim({ args: [...TYPES, '--chat-hold-ms', '0'] })
  const [http, pub, rep] = ['http', 'pub', 'rep'].map((door) => doorOf(shim, door))
  const ports = [http, pub, rep].map((url) => new URL(String(url).replace('tcp', 'http')).port)
  const [httpPort = '', pubPort = '', repPort = ''] = ports
  const again = () =>
    cluster.shim({
      args: [
        ...[...TYPES, '--chat-hold-ms', '0', '--http-port', httpPort],
        ...['--pub-port', pubPort, '--rep-port', repPort],
      ],
    })
  const url = http ?? ''
  const created = await call(url, 'chat.create', {})
  const session = String(created?.result?.['session_id'])
  await call(url, 'chat.upgrade_to_agent', { session_id: session })
  const subscriber = new ChatSubscriber(t, pub ?? '', `chat/${session}`)
  return {
    cluster,
    broker,
    shim,
    again,
    url,
    session,
    subscriber,
    rep: new RepClient(t, rep ?? ''),
  }
}

/** Follows with Last-Event-ID until the turn ends, over however many connections. */
async function followEvents(url: string, session: string, seen: number[], met: () => void) {
  for (;;) {
    const last = { 'last-event-id': String(seen.at(-1) ?? 0) }
    const response = await get(`${url}/sessions/${session}/stream`, last).catch(() => undefined)
    if (response === undefined) {
      await new Promise(setImmediate)
      continue
    }
    for await (const { id, event } of serverSentEvents(response)) {
      seen.push(id)
      if (seen.length === SOME) met()
      if (event !== 'turn_complete') continue
      response.destroy()
      return
    }
  }
}

/** Totals of agent.logs until the turn has ended; they never fall. */
async function poll(url: string, session: string, isOver: () => boolean): Promise<number[]> {
  const totals: number[] = []
  while (!isOver()) {
    const reply = await call(url, 'agent.logs', { agent_id: session, limit: 5 })
    if (reply?.result) totals.push(Number(reply.result['total']))
  }
  return totals
}

async function follow(t: Test, kill: (staged: Awaited<ReturnType<typeof stage>>) => Promise<void>) {
  const staged = await stage(t)
  const { url, session, subscriber, rep, cluster } = staged
  const client = await cluster.connect()
  const seen: number[] = []
  let isOver = false
  let met = (): void => undefined
  const meeting = new Promise<void>((resolve) => {
    met = resolve
  })
  const events = followEvents(url, session, seen, met).then(() => {
    isOver = true
  })
  const chunks = subscriber.until(({ type }) => type === 'turn_complete')
  const totals = poll(url, session, () => isOver)
  await call(url, 'chat.prompt', { session_id: session, prompt: PROMPT })
  await meeting
  t.match(await client.call('session.get', { session }), { status: 'running' })
  await kill(staged)
  await events
  t.same(
    seen,
    seen.map((_, index) => index + 1),
    'server-sent events: no hole and no repetition',
  )
  const heard = (await chunks).map(({ seq }) => seq)
  const texts = await journal(client, session)
  t.ok(texts.length > 0)
  const unique = [...new Set(heard)]
  t.same(
    unique,
    [...unique].sort((a, b) => a - b),
    'SUB: what comes again has its old number',
  )
  t.same(
    texts.filter((seq) => !unique.includes(seq)),
    [],
    'SUB: no hole',
  )
  const counts = await totals
  t.same(
    counts,
    [...counts].sort((a, b) => a - b),
    'logs: the total never falls',
  )
  t.match(await rep.ask('list_agents_request', 'l', null, null), [
    'list_agents_response',
    'l',
    true,
  ])
}

/** Sequences of all pieces of text. */
async function journal(client: Awaited<ReturnType<Cluster['connect']>>, session: string) {
  const texts: number[] = []
  await using items = client.follow(session)
  for await (const item of items) {
    if (item.type === 'text') texts.push(item.seq)
    if (item.type === 'turn_complete') break
  }
  return texts
}

t.test('the shim is killed', (t) =>
  follow(t, async ({ cluster, shim, again }) => {
    await cluster.signal(shim, 'SIGKILL')
    await again()
  }),
)

t.test('the broker is killed', (t) =>
  follow(t, async ({ cluster, broker, rep, url }) => {
    await cluster.signal(broker, 'SIGKILL')
    const asked = rep.ask('list_agents_request', 'while', null, null)
    const called = call(url, 'agent.list', null)
    await cluster.broker()
    t.match(await asked, ['list_agents_response', 'while'], 'one answer, whatever it says')
    const reply = await called
    t.ok(reply?.result ?? reply?.error, 'one clear answer')
  }),
)
