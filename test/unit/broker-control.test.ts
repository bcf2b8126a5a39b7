/** session.pause, resume, signal, write and set_mode in the broker's core. */
import t from 'tap'
import { decodeTrusted } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import type { Params } from '../../protocol/methods/index.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, withSession } from '../support/core-peers.ts'

/** What the stream on disk says of pauses and modes. */
function told(harness: CoreHarness, session: string) {
  return harness
    .stored(session)
    .filter(({ type }) => type === CHUNK_CODES.status)
    .map(({ body }) => decodeTrusted(body) as { status: string; reason?: string; paused?: string })
    .filter(({ paused, reason }) => paused !== undefined || reason?.startsWith('mode'))
}

type BatchParams = Params<'session.batch'>

const asked = (host: Host) => host.history.map(({ method }) => method)
const alive = (session: string, paused: '' | 'hold' | 'freeze') => ({
  ...{ session, epoch: 1, turn: 0, produced: 0, pid: 4711, paused },
})

t.test('a pause is journalled, told in the stream, and carried out once', (t) => {
  const { harness, client, host, session } = withSession()
  t.match(client.call('session.pause', { session }), { paused: 'hold', status: 'idle' })
  t.match(client.call('session.pause', { session, mode: 'freeze' }), { paused: 'freeze' })
  client.call('session.pause', { session, mode: 'freeze' })
  t.match(client.call('session.resume', { session }), { paused: '' })
  client.call('session.resume', { session })
  t.strictSame(asked(host), ['agent.start', 'agent.pause', 'agent.pause', 'agent.resume'])
  t.strictSame(told(harness, session), [
    { status: 'idle', reason: 'paused by local', paused: 'hold' },
    { status: 'idle', reason: 'paused by local', paused: 'freeze' },
    { status: 'idle', reason: 'resumed by local', paused: '' },
  ])
  t.end()
})

t.test('a pause outlives the broker, and a host that does not know of it is told', (t) => {
  const { harness, client, host, session } = withSession()
  client.call('session.pause', { session, mode: 'freeze' })
  host.leave()
  const next = harness.restart()
  const later = new Client(next)
  const back = new Host(next)
  back.register(alive(session, 'freeze'))
  t.strictSame(asked(back), [], 'it is paused as it should be')
  t.match(later.call('session.get', { session }), { paused: 'freeze', status: 'idle' })
  back.leave()
  const forgetful = new Host(next)
  forgetful.register(alive(session, ''))
  next.settle()
  t.strictSame(asked(forgetful), ['agent.pause'])
  t.end()
})

t.test('a resume that its host did not hear reaches it when it is back', (t) => {
  const { harness, client, host, session } = withSession()
  client.call('session.pause', { session })
  host.holds.add('agent.resume')
  const id = client.ask('session.resume', { session })
  harness.settle()
  host.leave()
  harness.settle()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  const back = new Host(harness)
  back.register(alive(session, 'hold'))
  harness.settle()
  t.strictSame(asked(back), ['agent.resume'])
  t.match(client.call('session.get', { session }), { paused: '' })
  t.end()
})

t.test('what the host refuses is undone and told', (t) => {
  const { harness, client, host, session } = withSession()
  host.holds.add('agent.pause')
  const id = client.ask('session.pause', { session })
  harness.settle()
  host.refuse('agent.pause', 'AGENT_GONE')
  harness.settle()
  t.match(client.errorOf(id), { code: 'AGENT_GONE' })
  t.match(client.call('session.get', { session }), { paused: '' })
  t.strictSame(
    told(harness, session).map(({ paused }) => paused),
    ['hold', ''],
  )
  t.end()
})

t.test('the end of the process ends its pause', (t) => {
  const { harness, client, host, session } = withSession()
  client.call('session.pause', { session })
  host.exit(session, 1)
  harness.settle()
  t.match(client.call('session.get', { session }), { status: 'failed', paused: '' })
  t.match(client.failure('session.resume', { session }), { code: 'WRONG_STATE', executed: 'no' })
  t.match(client.call('session.recover', { session }), { status: 'idle', paused: '' })
  t.end()
})

t.test('a mode that the CLI took is kept for the recovery; one that it refused is not', (t) => {
  const { harness, client, host, session } = withSession()
  client.call('session.set_mode', { session, mode: 'plan' })
  host.holds.add('agent.set_mode')
  const id = client.ask('session.set_mode', { session, mode: 'nonsense' })
  harness.settle()
  host.refuse('agent.set_mode', 'MODE_REFUSED')
  harness.settle()
  t.match(client.errorOf(id), { code: 'MODE_REFUSED', executed: 'no' })
  t.strictSame(told(harness, session), [{ status: 'idle', reason: 'mode plan' }])
  host.exit(session, 1)
  harness.settle()
  client.call('session.recover', { session })
  t.match(host.history.at(-1), { method: 'agent.start', params: { permission_mode: 'plan' } })
  t.end()
})

t.test('a mode that could not be written is told once it can be', (t) => {
  const { harness, client, host, session } = withSession()
  host.holds.add('agent.set_mode')
  const id = client.ask('session.set_mode', { session, mode: 'plan' })
  harness.settle()
  harness.journal.isFull = true
  host.answer('agent.set_mode')
  harness.settle()
  t.notOk(client.hasEnd(id))
  harness.journal.isFull = false
  harness.advance(2000)
  harness.settle()
  t.match(client.resultOf('session.set_mode', id), { session })
  t.end()
})

t.test('a drained host keeps its sessions and gets no other, also after a restart', (t) => {
  const { harness, client, host, session } = withSession()
  t.match(client.call('host.drain', { host: 'h1' }), { draining: true, used: 1 })
  t.match(client.failure('session.create', demo), { code: 'NO_HOST', message: /being drained/ })
  const named = { ...demo, host: 'h1' }
  t.match(client.failure('session.create', named), { code: 'HOST_DRAINING', executed: 'no' })
  t.match(client.call('session.prompt', { session, text: 'go on' }), { turn: 1 })
  const other = new Host(harness, 'h2')
  other.register()
  t.equal(client.call('session.create', demo).host, 'h2')
  host.leave()
  const next = harness.restart()
  const later = new Client(next)
  new Host(next).register({ ...alive(session, ''), turn: 1 })
  t.match(later.call('host.get', { host: 'h1' }), { draining: true })
  t.match(later.failure('session.create', named), { code: 'HOST_DRAINING' })
  t.match(later.call('host.undrain', { host: 'h1' }), { draining: false })
  t.equal(later.call('session.create', named).host, 'h1')
  t.match(later.failure('host.drain', { host: 'nobody' }), { code: 'NO_SUCH_HOST' })
  t.end()
})

function withFailed(recovery: 'auto' | 'manual') {
  const setting = withSession()
  const { client, harness, host } = setting
  const { session } = client.call('session.create', { ...demo, recovery })
  client.call('session.prompt', { session, text: 'one' })
  host.endTurn(session, 1)
  host.exit(session, 1)
  harness.settle()
  return { ...setting, session }
}

t.test('the next prompt recovers a failed session that was created so', (t) => {
  const { client, host, session } = withFailed('auto')
  t.match(client.call('session.prompt', { session, text: 'two' }), { turn: 2 })
  const [start, prompt] = host.history.slice(-2)
  t.match(start, { method: 'agent.start', params: { resume: true, epoch: 2, turn: 1 } })
  t.match(prompt, { method: 'agent.prompt', params: { turn: 2, epoch: 2, text: 'two' } })
  t.match(client.call('session.get', { session }), { status: 'running', epoch: 2 })
  const manual = withFailed('manual')
  const failure = manual.client.failure('session.prompt', { session: manual.session, text: 'two' })
  t.match(failure, { code: 'WRONG_STATE' })
  t.end()
})

t.test('prompts that come together recover it once and are all given', (t) => {
  const { harness, client, host, session } = withFailed('auto')
  host.holds.add('agent.start')
  const ids = ['two', 'three'].map((text) => client.ask('session.prompt', { session, text }))
  harness.settle()
  t.match(client.call('session.get', { session }), { status: 'starting' })
  host.answer('agent.start')
  harness.settle()
  t.strictSame(
    ids.map((id) => client.resultOf('session.prompt', id).turn),
    [2, 3],
  )
  t.equal(host.history.filter(({ method }) => method === 'agent.start').length, 3)
  t.end()
})

t.test('a recovery that fails fails its prompts, and nothing of them is done', (t) => {
  const { harness, client, host, session } = withFailed('auto')
  host.holds.add('agent.start')
  const refused = client.ask('session.prompt', { session, text: 'two' })
  harness.settle()
  host.refuse('agent.start', 'START_FAILED')
  harness.settle()
  t.match(client.errorOf(refused), { code: 'START_FAILED', executed: 'no' })
  t.match(client.call('session.get', { session }), { status: 'failed', turn: 1 })
  host.leave()
  harness.settle()
  t.match(client.failure('session.prompt', { session, text: 'x' }), { code: 'HOST_LOST' })
  t.end()
})

t.test('a prompt whose time is over before the recovery is not carried out', (t) => {
  const { harness, client, host, session } = withFailed('auto')
  host.holds.add('agent.start')
  const late = client.ask('session.prompt', { session, text: 'late' }, { remainingMs: 500 })
  harness.advance(1000)
  harness.settle()
  t.match(client.errorOf(late), { code: 'DEADLINE_EXCEEDED', executed: 'no' })
  host.answer('agent.start')
  harness.settle()
  t.match(client.call('session.get', { session }), { status: 'idle', turn: 1 })
  t.notOk(host.history.some(({ params }) => params['text'] === 'late'))
  t.end()
})

t.test('a batch does the same to many sessions and says what came of each', (t) => {
  const { client, host, session } = withSession()
  const second = client.call('session.create', { ...demo, name: 'two' }).session
  const sessions = [session, 'nobody', 'two']
  const action = 'session.prompt'
  const { results, failed } = client.call('session.batch', {
    ...{ sessions, action, params: { text: 'hello' } },
  })
  t.equal(failed, 1)
  t.match(results, [
    { session, outcome: 'done' },
    { session: 'nobody', outcome: 'failed', code: 'NO_SUCH_SESSION', executed: 'no' },
    { session: 'two', outcome: 'done' },
  ])
  const given = host.history.filter(({ method }) => method === 'agent.prompt')
  t.strictSame(
    given.map(({ params }) => params['session']),
    [session, second],
  )
  const fast = client.call('session.batch', { sessions, action: 'session.pause', fail_fast: true })
  t.strictSame(
    fast.results.map(({ outcome }) => outcome),
    ['done', 'failed', 'skipped'],
  )
  t.match(client.call('session.get', { session: second }), { paused: '' })
  const wrong = { signal: 'SIGKILL' }
  const bad = { sessions, action: 'session.signal', params: wrong } satisfies BatchParams
  t.match(client.failure('session.batch', bad), { code: 'INVALID_PARAMS', message: /signal/ })
  t.end()
})

t.test('the parts of a batch that could not be written are told', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  const action = 'session.prompt'
  const params = { sessions: [session], action, params: { text: 'x' } } satisfies BatchParams
  host.holds.add('agent.prompt')
  const full = client.ask('session.batch', params)
  harness.commit()
  t.same(client.kindsOf(full), ['ACCEPTED'])
  harness.journal.isFull = true
  harness.settle()
  t.match(client.resultOf('session.batch', full).results, [
    { outcome: 'failed', code: 'STORAGE_FULL', executed: 'no' },
  ])
  harness.journal.isFull = false
  const id = client.ask('session.batch', params)
  harness.settle()
  host.leave()
  harness.settle()
  t.match(client.resultOf('session.batch', id).results, [
    { outcome: 'failed', code: 'HOST_LOST', executed: 'unknown' },
  ])
  t.end()
})

t.test('what the processes of a session use is told as its host last reported it', (t) => {
  const { harness, client, host, session } = withSession()
  const usageOf = () => client.call('session.get', { session }).usage
  t.equal(usageOf(), undefined)
  const used = { cpu_ms: 1200, rss_bytes: 5_000_000, processes: 2 }
  host.call('host.usage', { sessions: [{ session, epoch: 1, ...used }] })
  harness.advance(700)
  t.strictSame(usageOf(), { ...used, age_ms: 700 })
  host.call('host.usage', { sessions: [{ session, epoch: 2, ...used }] })
  t.equal(usageOf(), undefined, 'of another life')
  host.call('host.usage', { sessions: [{ session, epoch: 1, ...used }] })
  host.exit(session, 0)
  harness.settle()
  t.equal(usageOf(), undefined, 'it has ended')
  t.equal(client.failure('host.usage', { sessions: [] }).code, 'NO_SUCH_HOST')
  t.end()
})
