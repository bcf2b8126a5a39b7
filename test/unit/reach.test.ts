/** Reach: what a principal that has to do with its own sessions only may see and do, method by method. */
import t from 'tap'
import { TABLES } from '../../broker/journal/journal.ts'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import { type BrokerMethod, METHODS, type Params } from '../../protocol/methods/index.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { type Client, demo, Host } from '../support/core-peers.ts'
import { person } from '../support/core-people.ts'
import { chanceOf, namesIn, sample } from '../support/sample.ts'
import { seededRandom } from '../support/virtual-clock.ts'

/** What a method can be given that is somebody's. */
const REFERENCES = ['session', 'sessions', 'approval', 'execution', 'ticket', 'tickets'] as const

/** What answers for a thing that is not there, or that is nobody's business. */
const REFUSALS: ReadonlySet<string> = new Set([
  'NO_SUCH_SESSION',
  'NO_SUCH_STREAM',
  'NO_SUCH_APPROVAL',
  'NO_SUCH_WORKFLOW',
  'FORBIDDEN',
])

/** anna has something of everything; bob, who has to do with his own, has a session. */
function stage(roles: readonly Role[] = ['operator']) {
  const harness = new CoreHarness()
  const host = new Host(harness)
  host.register()
  const anna = person(harness, 'anna')
  const bob = person(harness, 'bob', { roles, reach: 'own' })
  const { session } = anna.call('session.create', { ...demo, name: 'blue' })
  anna.call('session.prompt', { session, text: 'secret of anna' })
  const approval = host.askApproval(session, 'question-of-anna', {}, 1)
  const steps = [{ id: 'a', session, prompt: 'behind' }]
  const { execution } = anna.call('workflow.execute', { steps })
  const { ticket } = anna.call('stream.open', { session })
  const own = bob.call('session.create', { ...demo, name: 'red' })
  return { harness, host, anna, bob, own, annas: { session, approval, execution, ticket } }
}

type Annas = ReturnType<typeof stage>['annas']

const BROKER_METHODS = (Object.keys(METHODS) as (keyof typeof METHODS)[]).filter(
  (name): name is BrokerMethod => METHODS[name].answeredBy === 'broker',
)

/** Those of today must be among them, and those of tomorrow are. */
const REFERRING = BROKER_METHODS.filter((name) => {
  const names = namesIn(METHODS[name].params)
  return REFERENCES.some((reference) => names.has(reference)) || name === 'stream.progress'
})

function referencesTo({ session, approval, execution, ticket }: Annas) {
  const prefix = 8
  return [
    { session, sessions: [session], approval, execution, ticket, how: 'by its id' },
    {
      session: session.slice(0, prefix),
      sessions: [session.slice(0, prefix)],
      approval: approval.slice(0, prefix),
      execution: execution.slice(0, prefix),
      ticket: ticket.slice(0, prefix),
      how: 'by the beginning of its id',
    },
    { session: 'blue', sessions: ['blue'], how: 'by its name' },
    { session: `@workflow/${execution}`, how: 'by its stream' },
    { session: '@events', how: 'by the stream of all that happens' },
  ] as const
}

function paramsFor(method: BrokerMethod, meant: Readonly<Record<string, unknown>>, seed: number) {
  return sample(METHODS[method].params, {
    chance: chanceOf(seededRandom(seed)),
    meaning: (name) => ({ action: 'session.stop', params: {}, ...meant })[name],
    optionals: 1,
  }) as Params<typeof method>
}

/** All that the journal holds, but for what a caller may leave of its own. */
function contents(harness: CoreHarness, { session, execution }: Annas): unknown {
  const { journal } = harness
  const tables = TABLES.filter((table) => table !== 'idempotency' && table !== 'meta')
  return {
    tables: tables.map((table) => [...journal.entries(table)]),
    streams: [session, `@workflow/${execution}`, '@events'].map((id) => harness.stored(id)),
  }
}

const NOTHING_NEW: ReadonlySet<BrokerMethod> = new Set(['stream.close', 'stream.progress'])

function answersOf(client: Client, method: BrokerMethod, id: string): readonly string[] {
  if (client.kindsOf(id).at(-1) === 'ERROR') return [client.errorOf(id).code]
  const result = client.resultOf(method, id)
  if ('results' in result) return result.results.map(({ code = 'done' }) => code)
  return ['done']
}

t.test('whatever is asked about a session of somebody else, it does not exist', (t) => {
  t.ok(REFERRING.length > 20, 'there are such methods')
  for (const role of ['operator', 'admin'] as const) {
    for (const method of REFERRING) {
      const { harness, bob, annas } = stage([role])
      const before = contents(harness, annas)
      for (const [index, { how, ...meant }] of referencesTo(annas).entries()) {
        // What bob may execute is his own, whatever it names: it is looked at below.
        if (method === 'workflow.execute') continue
        const id = bob.ask(method, paramsFor(method, meant, index))
        harness.advance(100)
        const answers = answersOf(bob, method, id)
        const isRefused = answers.every((code) => REFUSALS.has(code))
        t.ok(isRefused || NOTHING_NEW.has(method), `${method} ${how} as ${role}: ${answers.join()}`)
      }
      t.strictSame(contents(harness, annas), before, `${method} changed nothing`)
    }
  }
  t.end()
})

t.test('what is about everybody is refused, and nothing else of those with a scope', (t) => {
  const { bob, harness, annas } = stage(['admin'])
  const forbidden = BROKER_METHODS.filter((method) => {
    const id = bob.ask(method, paramsFor(method, {}, 1))
    harness.advance(100)
    return answersOf(bob, method, id).includes('FORBIDDEN')
  })
  t.strictSame(
    forbidden,
    BROKER_METHODS.filter((method) => METHODS[method].reach === undefined),
  )
  for (const method of [
    'state.get',
    'task.list',
    'key.list',
    'system.metrics',
    'host.drain',
  ] as const)
    t.ok(forbidden.includes(method), method)
  t.match(bob.failure('stream.read', { session: '@events', from: 1 }), { code: 'FORBIDDEN' })
  t.match(bob.failure('stream.open', { session: `@workflow/${annas.execution}` }), {
    code: 'NO_SUCH_STREAM',
  })
  t.end()
})

t.test('a workflow does with other sessions what its owner may', (t) => {
  const { harness, anna, bob, annas } = stage()
  const before = harness.stored(annas.session).length
  const steps = [{ id: 'a', session: annas.session, prompt: 'say it' }]
  const { execution } = bob.call('workflow.execute', { steps })
  harness.advance(100)
  t.match(bob.call('workflow.get', { execution }), {
    status: 'failed',
    steps: [{ error: { code: 'NO_SUCH_SESSION' } }],
  })
  t.equal(harness.stored(annas.session).length, before)
  t.match(bob.call('workflow.list', {}), { total: 1, workflows: [{ execution }] })
  t.match(anna.call('workflow.list', {}), { total: 2 })
  t.match(bob.call('stream.read', { session: `@workflow/${execution}`, from: 1 }).head, 4)
  t.end()
})

t.test('lists and counts are of what is one’s own', (t) => {
  const { harness, host, bob, own, annas } = stage()
  t.match(bob.call('session.list', {}), { total: 1, sessions: [{ name: 'red', owner: 'bob' }] })
  t.match(bob.call('host.list', {}).hosts, [{ used: 1, in_flight: 0, progress_age_ms: -1 }])
  t.match(bob.call('approval.list', {}), { approvals: [], cursor: 0 })
  t.match(bob.call('stream.readers', {}), { readers: [], total: 0 })
  bob.call('stream.open', { session: own.session })
  t.match(bob.call('stream.readers', {}), { total: 1, readers: [{ principal: 'bob' }] })
  const health = bob.call('system.health', {})
  t.match(health, { status: 'ok', sessions_live: 1, hosts_online: 1 })
  for (const name of ['connections', 'calls_in_flight', 'journal_commits', 'rss_bytes'])
    t.notOk(name in health, name)
  const asked = host.askApproval(own.session, 'question-of-bob')
  const seen = bob.call('approval.list', {})
  t.match(seen.approvals, [{ approval: asked }])
  t.match(bob.call('approval.answer', { approval: 'ques', decision: 'allow' }), { by: 'bob' })
  t.match(harness.core.approvals.get(annas.session, annas.approval)?.standing, { kind: 'pending' })
  t.end()
})

t.test('whoever waits for questions hears of its own only', (t) => {
  const { host, bob, own, annas } = stage()
  const { cursor } = bob.call('approval.list', { changed_since: 0 })
  const id = bob.ask('approval.list', { changed_since: cursor, wait_ms: 10_000 })
  host.askApproval(annas.session, 'second-of-anna', {}, 1)
  t.notOk(bob.hasEnd(id), 'that is nobody’s business')
  host.askApproval(own.session, 'first-of-bob')
  const { approvals } = bob.resultOf('approval.list', id)
  t.match(
    approvals.map(({ approval }) => approval),
    ['first-of-bob'],
  )
  t.end()
})

t.test('names of those with reach own are their own', (t) => {
  const { host, bob, anna, own, annas } = stage()
  const blue = bob.call('session.create', { ...demo, name: 'blue' })
  t.not(blue.session, annas.session, 'it is not taken')
  t.match(bob.call('session.get', { session: 'blue' }), { session: blue.session })
  t.match(anna.call('session.get', { session: 'blue' }), { session: annas.session })
  t.match(bob.failure('session.create', { ...demo, name: 'blue' }), {
    code: 'NAME_TAKEN',
    details: { session: blue.session },
  })
  t.match(anna.failure('session.create', { ...demo, name: 'blue' }), {
    code: 'NAME_TAKEN',
    details: { session: annas.session },
  })
  const red = anna.call('session.create', { ...demo, name: 'red' })
  t.match(anna.call('session.get', { session: 'red' }), { session: red.session })
  host.exit(red.session, 0)
  const stillHers = anna.call('session.get', { session: 'red' })
  t.equal(stillHers.session, red.session, 'also when hers has ended')
  anna.call('session.remove', { session: 'red' })
  t.match(anna.call('session.get', { session: 'red' }), { session: own.session })
  t.end()
})

t.test('private names that many have are ambiguous to whoever sees them all', (t) => {
  const { harness, anna, bob } = stage()
  const carl = person(harness, 'carl', { reach: 'own' })
  const carls = carl.call('session.create', { ...demo, name: 'red' })
  t.match(anna.failure('session.get', { session: 'red' }), {
    code: 'AMBIGUOUS_SESSION',
    details: { count: 2 },
  })
  t.match(carl.call('session.get', { session: 'red' }), { session: carls.session })
  t.match(bob.call('session.get', { session: 'red' }), { owner: 'bob' })
  t.end()
})

t.test('the beginning of an id is that of one’s own session, whatever else begins so', (t) => {
  const random = seededRandom(7)
  const harness = new CoreHarness({
    random: (size) =>
      Buffer.from(
        Array.from({ length: size }, (_, i) => (i < 3 ? 0xab : Math.floor(random() * 256))),
      ),
  })
  new Host(harness).register()
  const anna = person(harness, 'anna')
  const bob = person(harness, 'bob', { reach: 'own' })
  anna.call('session.create', demo)
  t.match(bob.failure('session.get', { session: 'ababab' }), { code: 'NO_SUCH_SESSION' })
  const { session } = bob.call('session.create', demo)
  t.match(bob.call('session.get', { session: 'ababab' }), { session })
  t.match(anna.failure('session.get', { session: 'ababab' }), { code: 'AMBIGUOUS_SESSION' })
  t.end()
})

t.test('a ticket is given back, and its reader’s place told, by its holder alone', (t) => {
  const { harness, anna, bob, annas } = stage()
  const { tickets } = harness.core
  tickets.redeem(annas.ticket)
  bob.call('stream.close', { ticket: annas.ticket })
  bob.call('stream.progress', { positions: [[annas.ticket, 1]] })
  t.match(anna.call('stream.readers', {}), { total: 1, readers: [{ live: true, position: 0 }] })
  anna.call('stream.close', { ticket: annas.ticket })
  t.match(anna.call('stream.readers', {}), { total: 0 })
  t.end()
})

t.test('an answer that was given under a wider reach is not given under a narrower one', (t) => {
  const { harness, host, annas } = stage()
  const wide = person(harness, 'dora')
  const key = { key: 'k1' }
  wide.call('session.prompt', { session: annas.session, text: 'x' }, key)
  const narrow = person(harness, 'dora', { reach: 'own' })
  t.match(narrow.failure('session.prompt', { session: annas.session, text: 'x' }, key), {
    code: 'FORBIDDEN',
    executed: 'unknown',
  })
  const own = narrow.call('session.create', demo, { key: 'k2' })
  t.strictSame(narrow.call('session.create', demo, { key: 'k2' }), own)
  host.holds.add('agent.start')
  const wider = person(harness, 'dora')
  wider.ask('session.create', demo, { key: 'k3' })
  const narrower = person(harness, 'dora', { reach: 'own' })
  t.match(narrower.failure('session.create', demo, { key: 'k3' }), { code: 'FORBIDDEN' })
  t.end()
})

t.test('a workflow goes on with the rights that its owner has now', (t) => {
  const { harness, host, annas } = stage()
  const dora = person(harness, 'dora')
  const steps = [
    { id: 'a', session: annas.session, prompt: 'first' },
    { id: 'b', session: annas.session, prompt: 'second', needs: ['a'] },
  ]
  const { execution } = dora.call('workflow.execute', { steps })
  harness.advance(100)
  const narrow = person(harness, 'dora', { reach: 'own' })
  for (const turn of [1, 2, 3]) host.endTurn(annas.session, turn)
  harness.advance(100)
  t.match(narrow.call('workflow.get', { execution }), {
    status: 'failed',
    steps: [{ id: 'a', status: 'failed', error: { code: 'NO_SUCH_SESSION' } }],
  })
  const prompts = harness.stored(annas.session).filter(({ type }) => type === CHUNK_CODES.prompt)
  t.notOk(
    prompts.some(({ body }) => body.includes(encode('second'))),
    'nothing more was asked',
  )
  t.end()
})

t.test('a workflow of a principal that was revoked asks for nothing more', (t) => {
  const { harness, host, anna, annas } = stage()
  const dora = person(harness, 'dora')
  const steps = [
    { id: 'a', session: annas.session, prompt: 'first' },
    { id: 'b', session: annas.session, prompt: 'second', needs: ['a'] },
  ]
  const { execution } = dora.call('workflow.execute', { steps })
  harness.advance(100)
  person(harness, 'root', { roles: ['admin'] }).call('key.revoke', { principal: 'dora' })
  for (const turn of [1, 2, 3]) host.endTurn(annas.session, turn)
  harness.advance(100)
  t.match(anna.call('workflow.get', { execution }), {
    status: 'failed',
    steps: [{ status: 'completed' }, { status: 'failed', error: { code: 'FORBIDDEN' } }],
  })
  t.end()
})
