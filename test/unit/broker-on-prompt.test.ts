/** Sessions that their first prompt starts: what they hold until then, and what becomes of them if something dies. */
import t from 'tap'
import { RETENTION } from '../../broker/core/retention.ts'
import { decodeTrusted } from '../../protocol/codec.ts'
import { chunkType } from '../../protocol/messages/chunk.ts'
import type { Params } from '../../protocol/methods/index.ts'
import { CoreHarness, type HarnessOptions } from '../support/core-harness.ts'
import { Client, Host, type HostOptions, setUp } from '../support/core-peers.ts'

const later = { backend: 'demo', start: 'on_prompt' } as const

/** A session that waits for its first prompt. */
function withCreated(
  options: HarnessOptions = {},
  hostOptions: HostOptions = {},
  more: Partial<Params<'session.create'>> = {},
) {
  const setting = setUp(options, hostOptions)
  const id = setting.client.ask('session.create', { ...later, ...more })
  setting.harness.settle()
  const { session } = setting.client.resultOf('session.create', id)
  return { ...setting, session }
}

function words(harness: CoreHarness, session: string): string[] {
  return harness.stored(session).map(({ type, body }) => {
    const name = chunkType(type) ?? 'unknown'
    const fields = decodeTrusted(body) as Record<string, string>
    return name === 'status' ? String(fields['status']) : name
  })
}

const asked = (host: Host, method: string) => host.history.filter((one) => one.method === method)

t.test('until its first prompt a session has a name, and neither host nor slot', (t) => {
  const { client, host, session } = withCreated({}, { slots: 1 }, { name: 'blue' })
  const created = { status: 'created', host: '', pid: null, last_pid: null, epoch: 1, turn: 0 }
  t.match(client.call('session.get', { session: 'blue' }), { session, ...created })
  t.match(client.call('host.get', { host: 'h1' }), { used: 0 })
  t.same(host.history, [])
  t.match(client.failure('session.create', { ...later, name: 'blue' }), { code: 'NAME_TAKEN' })
  t.match(client.call('session.prompt', { session, text: 'hello' }), { turn: 1, sequence: 4 })
  const [start] = asked(host, 'agent.start')
  t.match(start?.params, { session, epoch: 1, resume: false, turn: 0, backend: 'demo' })
  t.notOk('start' in (start?.params ?? {}), 'the host hears nothing of when')
  t.match(asked(host, 'agent.prompt'), [{ params: { turn: 1, text: 'hello' } }])
  t.match(client.call('session.get', { session }), { status: 'running', host: 'h1', pid: 4711 })
  t.end()
})

t.test('the stream tells the way from created to the prompt', (t) => {
  const { harness, client, session } = withCreated()
  client.call('session.prompt', { session, text: 'hello' })
  t.same(words(harness, session), ['created', 'starting', 'idle', 'prompt'])
  t.end()
})

t.test('prompts that come during the start wait for it, and are given in order', (t) => {
  const { client, host, session } = withCreated({}, { holds: ['agent.start'] })
  const first = client.ask('session.prompt', { session, text: 'one' })
  const second = client.ask('session.prompt', { session, text: 'two' })
  t.match(client.call('session.get', { session }), { status: 'starting' })
  host.answer('agent.start')
  t.match(client.resultOf('session.prompt', first), { turn: 1 })
  t.match(client.resultOf('session.prompt', second), { turn: 2 })
  t.equal(asked(host, 'agent.start').length, 1)
  t.end()
})

t.test('a prompt that is sent twice with one key starts and asks once', (t) => {
  const { client, host, session } = withCreated({}, { holds: ['agent.start'] })
  const params = { session, text: 'one' }
  const ids = [1, 2].map(() => client.ask('session.prompt', params, { key: 'k1' }))
  host.answer('agent.start')
  ids.push(client.ask('session.prompt', params, { key: 'k1' }))
  for (const id of ids) t.match(client.resultOf('session.prompt', id), { turn: 1 })
  t.equal(asked(host, 'agent.start').length, 1)
  t.equal(asked(host, 'agent.prompt').length, 1)
  t.end()
})

t.test('it is placed as was asked when it was created', (t) => {
  const harness = new CoreHarness()
  const client = new Client(harness)
  new Host(harness, 'plain').register()
  new Host(harness, 'fast', { labels: ['gpu'] }).register()
  const placedOn = (more: Partial<Params<'session.create'>>) => {
    const { session } = client.call('session.create', { ...later, ...more })
    client.call('session.prompt', { session, text: 'x' })
    return client.call('session.get', { session }).host
  }
  t.equal(placedOn({ labels: ['gpu'] }), 'fast')
  t.equal(placedOn({ host: 'name of plain' }), 'plain')
  t.end()
})

t.test('while no host can take it the prompt is refused, and it stays created', (t) => {
  const harness = new CoreHarness()
  const client = new Client(harness)
  const { session } = client.call('session.create', later)
  const refused = () => client.failure('session.prompt', { session, text: 'x' })
  t.match(refused(), { code: 'NO_HOST', executed: 'no' })
  const host = new Host(harness, 'h1', { backends: ['claude'] })
  host.register()
  t.match(refused(), { code: 'NO_BACKEND', executed: 'no' })
  t.match(client.call('session.get', { session }), { status: 'created', host: '' })
  new Host(harness, 'h2').register()
  t.match(client.call('session.prompt', { session, text: 'x' }), { turn: 1 })
  t.match(client.call('session.get', { session }), { host: 'h2' })
  t.end()
})

t.test('a start that fails fails the prompt; with auto recovery the next one tries again', (t) => {
  for (const recovery of ['auto', 'manual'] as const) {
    const { harness, client, host, session } = withCreated(
      {},
      { holds: ['agent.start'] },
      { recovery },
    )
    const id = client.ask('session.prompt', { session, text: 'x' })
    host.refuse('agent.start', 'START_FAILED')
    t.match(client.errorOf(id), { code: 'START_FAILED' })
    t.match(client.call('session.get', { session }), { status: 'failed', turn: 0 })
    t.same(words(harness, session), ['created', 'starting', 'error', 'complete', 'failed'])
    const again = client.ask('session.prompt', { session, text: 'x' })
    if (recovery === 'manual') {
      t.match(client.errorOf(again), { code: 'WRONG_STATE' })
      continue
    }
    host.answer('agent.start')
    t.match(client.resultOf('session.prompt', again), { turn: 1 })
    t.match(asked(host, 'agent.start').at(-1)?.params, { epoch: 2, resume: false })
  }
  t.end()
})

t.test('stopped or killed before it was started it has ended, with no host to ask', (t) => {
  for (const method of ['session.stop', 'session.kill'] as const) {
    const { harness, client, host, session } = withCreated({}, {}, { name: 'blue' })
    const ended = { status: 'ended', exit_code: null, host: '' }
    t.match(client.call(method, { session }), ended)
    t.same(host.history, [])
    t.same(words(harness, session), ['created', 'complete', 'ended'])
    t.match(client.failure('session.prompt', { session, text: 'x' }), { code: 'WRONG_STATE' })
    t.match(client.call('session.create', { ...later, name: 'blue' }), { status: 'created' })
    t.match(client.failure('session.recover', { session }), { code: 'NAME_TAKEN' })
  }
  t.end()
})

t.test('what only a process can do is refused while there is none', (t) => {
  const { client, session } = withCreated()
  const refusal = { code: 'WRONG_STATE', executed: 'no', details: { status: 'created' } }
  t.match(client.failure('session.interrupt', { session }), refusal)
  t.match(client.failure('session.pause', { session }), refusal)
  t.match(client.failure('session.write', { session, line: 'x' }), refusal)
  t.match(client.call('session.recover', { session }), { status: 'idle', host: 'h1', epoch: 1 })
  t.end()
})

t.test('it can be taken away, and age alone does not do so', (t) => {
  const retention = { ...RETENTION, endedAgeMs: 20_000 }
  const { harness, client, session } = withCreated({ limits: { retention } })
  harness.skip(3 * retention.endedAgeMs)
  harness.advance(100)
  t.match(client.call('session.get', { session }), { status: 'created' })
  t.match(client.call('session.remove', { session }), { session })
  t.match(client.failure('session.get', { session }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('a restart of the broker leaves it created, with its name and its wishes', (t) => {
  const { harness, session } = withCreated({}, {}, { name: 'blue', host: 'h2', metadata: { a: 1 } })
  const reborn = harness.restart()
  const client = new Client(reborn)
  t.match(client.call('session.get', { session: 'blue' }), {
    ...{ session, status: 'created', metadata: { a: 1 } },
  })
  t.match(client.failure('session.create', { ...later, name: 'blue' }), { code: 'NAME_TAKEN' })
  new Host(reborn, 'h1').register()
  t.match(client.failure('session.prompt', { session, text: 'x' }), { code: 'NO_SUCH_HOST' })
  new Host(reborn, 'h2').register()
  t.match(client.call('session.prompt', { session, text: 'x' }), { turn: 1 })
  t.end()
})

t.test('a broker that dies before the start is on disk has asked nothing of the host', (t) => {
  const { harness, client, host, session } = withCreated({ durability: 'manual' })
  client.ask('session.prompt', { session, text: 'x' }, { key: 'k1' })
  t.same(host.history, [])
  const reborn = harness.restart()
  const later = new Client(reborn)
  const again = new Host(reborn)
  again.register()
  reborn.settle()
  const id = later.ask('session.prompt', { session, text: 'x' }, { key: 'k1' })
  reborn.settle()
  t.match(later.resultOf('session.prompt', id), { turn: 1 })
  t.equal(asked(again, 'agent.start').length, 1)
  t.end()
})

t.test(
  'a broker that dies during the start finds it with its host, and the prompt goes on',
  (t) => {
    const { harness, client, session } = withCreated({}, { holds: ['agent.start'] })
    client.ask('session.prompt', { session, text: 'x' }, { key: 'k1' })
    const reborn = harness.restart()
    const later = new Client(reborn)
    t.match(later.failure('session.prompt', { session, text: 'x' }, { key: 'k1' }), {
      ...{ code: 'HOST_LOST', executed: 'no' },
    })
    const host = new Host(reborn)
    host.register({ session, epoch: 1, turn: 0, produced: 0, pid: 4711 })
    t.match(later.call('session.get', { session }), { status: 'idle', pid: 4711, last_pid: 4711 })
    t.match(later.call('session.prompt', { session, text: 'x' }, { key: 'k1' }), { turn: 1 })
    t.equal(asked(host, 'agent.start').length, 0)
    t.equal(asked(host, 'agent.prompt').length, 1)
    t.end()
  },
)

t.test('a start that never reached its host has failed when that is back without it', (t) => {
  const { harness, client, session } = withCreated(
    {},
    { holds: ['agent.start'] },
    { recovery: 'auto' },
  )
  client.ask('session.prompt', { session, text: 'x' }, { key: 'k1' })
  const reborn = harness.restart()
  const later = new Client(reborn)
  const host = new Host(reborn)
  host.register()
  t.match(later.call('session.get', { session }), { status: 'failed', host: 'h1' })
  t.match(later.call('session.prompt', { session, text: 'x' }, { key: 'k1' }), { turn: 1 })
  t.match(asked(host, 'agent.start'), [{ params: { epoch: 2, resume: false } }])
  t.end()
})

t.test('on a full disk the prompt is refused, and it is still created', (t) => {
  const { harness, client, host, session } = withCreated()
  harness.journal.isFull = true
  t.match(client.failure('session.prompt', { session, text: 'x' }), { code: 'STORAGE_FULL' })
  t.match(client.call('session.get', { session }), { status: 'created', host: '' })
  t.same(host.history, [])
  harness.journal.isFull = false
  t.match(client.call('session.prompt', { session, text: 'x' }), { turn: 1 })
  t.end()
})

t.test('who repeats a request after a restart in its middle is told what was done', (t) => {
  const { harness, client, session } = withCreated({ durability: 'manual' })
  const create = { ...later, name: 'again' }
  const annotate = { session, metadata: { a: 1 } }
  client.ask('session.rename', { session, name: 'first' }) // a commit of its own
  client.ask('session.create', create, { key: 'k1' })
  client.ask('session.annotate', annotate, { key: 'k2' })
  client.ask('session.rename', { session, name: 'new' }, { key: 'k3' })
  harness.commit() // the first; the others go to the journal
  harness.journal.commit() // on disk, and nobody has heard of it
  const reborn = harness.restart()
  const repeats = new Client(reborn)
  const ids = [
    repeats.ask('session.create', create, { key: 'k1' }),
    repeats.ask('session.annotate', annotate, { key: 'k2' }),
    repeats.ask('session.rename', { session, name: 'new' }, { key: 'k3' }),
  ] as const
  reborn.settle()
  t.match(repeats.resultOf('session.create', ids[0]), { name: 'again', status: 'created' })
  t.match(repeats.resultOf('session.annotate', ids[1]), { metadata: { a: 1 } })
  t.match(repeats.resultOf('session.rename', ids[2]), { name: 'new' })
  const rows = [...reborn.core.sessions.all()]
  t.equal(rows.length, 2, 'nothing was done twice')
  t.end()
})
