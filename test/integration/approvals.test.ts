/** Approvals with a real broker, a real host and a real child that really creates a file when it may. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ApprovalInfo, Client, SessionHandle, StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'

const isQuestion = ({ type }: StreamItem): boolean => type === 'approval_request'
const isTurnEnd = ({ type }: StreamItem): boolean => type === 'turn_complete'

async function stage(t: Test) {
  const { cluster, broker, host } = await Cluster.start(t)
  const client = await cluster.connect()
  const create = (more: object = {}): Promise<SessionHandle> =>
    client.createSession({ backend: 'demo', cwd: cluster.workspace, ...more })
  const exists = (name: string) => existsSync(join(cluster.workspace, name))
  return { cluster, broker, host, client, create, exists }
}

/** Prompts, and resolves with the question that the agent asks. */
async function question(session: SessionHandle, prompt: string): Promise<string> {
  const { sequence } = await session.prompt(prompt)
  const [asked] = only(
    await until(session.follow({ from: sequence }), isQuestion),
    'approval_request',
  )
  return asked?.approval ?? ''
}

/** The whole stream up to the end of its first turn. */
const turnOf = (session: SessionHandle) => until(session.follow(), isTurnEnd)

t.test('a tool that is allowed runs, one that is denied does not', async (t) => {
  const { client, create, exists } = await stage(t)
  const [allowed, denied] = await Promise.all([create(), create()])
  const yes = await question(allowed, '@@create(yes.txt)')
  const no = await question(denied, '@@create(no.txt)')
  t.equal(exists('yes.txt'), false, 'nothing runs before somebody has decided')
  const waiting = await client.approvals()
  t.same(new Set(waiting.map(({ approval }) => approval)), new Set([yes, no]))
  t.match(waiting, [{ state: 'pending', tool_name: 'CreateFile', input: { path: 'yes.txt' } }, {}])
  t.match(await allowed.refresh(), { pending_approvals: 1 })

  t.match(await client.answer(yes.slice(0, 8), 'allow'), { state: 'applied', outcome: 'allow' })
  const message = 'not in this directory'
  t.match(await client.answer(no, { decision: 'deny', message }), { state: 'applied' })
  const done = await turnOf(allowed)
  t.match(only(done, 'approval_settled'), [{ approval: yes, outcome: 'allow', by: 'local' }])
  t.equal(textOf(done), 'I have created yes.txt.')
  const refused = await turnOf(denied)
  t.match(only(refused, 'tool_result'), [{ is_error: true, result: message }])
  t.same([exists('yes.txt'), exists('no.txt')], [true, false])
  t.match(await allowed.refresh(), { pending_approvals: 0 })
  await t.rejects(client.answer(yes, 'deny'), { code: 'SETTLED', details: { by: 'local' } })
})

t.test('of several clients that answer at once, one wins and all hear of it', async (t) => {
  const { cluster, client, create, exists } = await stage(t)
  const others = await Promise.all([1, 2, 3].map(() => cluster.connect()))
  const clients = [client, ...others]
  const session = await create()
  const approval = await question(session, '@@create(once.txt)')
  const answers = await Promise.allSettled(
    clients.map((one, index) => one.answer(approval, index % 2 === 0 ? 'allow' : 'deny')),
  )
  const won = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const lost = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  t.equal(won.length, 1)
  t.match(
    lost,
    Array.from({ length: 3 }, () => ({ code: 'SETTLED' })),
  )
  const [winner] = won
  t.match(lost[0], { details: { decision: winner?.outcome } }, 'they are told what was decided')
  const [settled, second] = only(await turnOf(session), 'approval_settled')
  t.match(settled, { outcome: winner?.outcome })
  t.equal(second, undefined)
  t.equal(exists('once.txt'), winner?.outcome === 'allow')
})

t.test('a question survives a broker that is killed before anybody answers', async (t) => {
  const { cluster, broker, client, create, exists } = await stage(t)
  const session = await create()
  const approval = await question(session, '@@create(late.txt)')
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  t.match(await client.approvals(), [{ approval, state: 'pending' }])
  await client.answer(approval, 'allow')
  t.equal(textOf(await turnOf(session)), 'I have created late.txt.')
  t.equal(exists('late.txt'), true)
})

t.test('an answer to a host that is away is kept and applied when it is back', async (t) => {
  const { cluster, broker, host, client, create, exists } = await stage(t)
  const session = await create()
  const approval = await question(session, '@@create(kept.txt)')
  host.process.kill('SIGSTOP')
  await cluster.signal(broker, 'SIGKILL')
  const again = await cluster.broker()
  t.match(await client.answer(approval, 'allow'), { state: 'answered', outcome: 'allow' })
  await t.rejects(client.answer(approval, 'deny'), { code: 'SETTLED' })
  await cluster.signal(again, 'SIGKILL')
  await cluster.broker()
  t.match(await client.approvals({ state: ['answered'] }), [{ approval, outcome: 'allow' }])
  t.equal(exists('kept.txt'), false)
  host.process.kill('SIGCONT')
  await settledAs(client, approval, 'applied')
  t.equal(textOf(await turnOf(session)), 'I have created kept.txt.')
  t.equal(exists('kept.txt'), true)
})

/** Waits until the question has this state. */
async function settledAs(client: Client, approval: string, state: ApprovalInfo['state']) {
  for (let since = 0; ; ) {
    const params = { changed_since: since, wait_ms: 5000 }
    const { approvals, cursor } = await client.call('approval.list', params)
    const found = approvals.find((one) => one.approval === approval && one.state === state)
    if (found) return found
    since = cursor
  }
}

t.test('a host that is killed takes its questions with it, and says so', async (t) => {
  const { cluster, host, client, create, exists } = await stage(t)
  const session = await create()
  const approval = await question(session, '@@create(never.txt)')
  await cluster.signal(host, 'SIGKILL')
  await cluster.host()
  t.match(await settledAs(client, approval, 'withdrawn'), { reason: 'the process ended', by: '' })
  const seen = await until(session.follow(), ({ type }) => type === 'complete')
  const types = seen.map(({ type }) => type).slice(-3)
  t.same(types, ['approval_settled', 'turn_complete', 'complete'])
  await t.rejects(client.answer(approval, 'allow'), { code: 'SETTLED' })
  t.equal(exists('never.txt'), false)
  t.match(await session.recover(), { status: 'idle', pending_approvals: 0 })
})

t.test('an interrupt withdraws the question before the turn ends', async (t) => {
  const { client, create, exists } = await stage(t)
  const session = await create()
  const approval = await question(session, '@@create(cut.txt)')
  await session.interrupt()
  const seen = await turnOf(session)
  t.match(only(seen, 'approval_settled'), [{ approval, outcome: 'withdrawn', by: '' }])
  t.match(seen.at(-1), { reason: 'interrupted' })
  await t.rejects(client.answer(approval, 'allow'), { code: 'SETTLED' })
  t.equal(exists('cut.txt'), false)
})

t.test('always is asked once, and a session that may do everything is not asked', async (t) => {
  const { client, create, exists } = await stage(t)
  const session = await create()
  const approval = await question(session, '@@create(a.txt) @@create(b.txt)')
  await client.answer(approval, 'allow_always')
  const seen = await turnOf(session)
  t.equal(only(seen, 'approval_request').length, 1)
  const free = await create({ permission_mode: 'bypassPermissions' })
  await free.prompt('@@create(c.txt)')
  t.equal(only(await turnOf(free), 'approval_request').length, 0)
  t.same([exists('a.txt'), exists('b.txt'), exists('c.txt')], [true, true, true])
})

t.test('a denial can end the turn as well', async (t) => {
  const { client, create } = await stage(t)
  const session = await create()
  const approval = await question(session, '@@create(x.txt) @@echo(going on)')
  await client.answer(approval, { decision: 'deny', interrupt: true })
  const seen = await turnOf(session)
  t.match(seen.at(-1), { reason: 'interrupted' })
  t.equal(textOf(seen), '')
})

t.test('nobody answers in time: it is denied, and says why', async (t) => {
  const { create, exists, client } = await stage(t)
  const session = await create({ approvals: { on_expiry: 'deny', expire_ms: 300 } })
  const approval = await question(session, '@@create(slow.txt)')
  const seen = await turnOf(session)
  t.match(only(seen, 'approval_settled'), [{ approval, outcome: 'expired', by: '' }])
  t.match(only(seen, 'tool_result'), [{ is_error: true, result: /Nobody answered within 0.3 s/ }])
  t.match(await settledAs(client, approval, 'expired'), { outcome: 'expired' })
  t.equal(exists('slow.txt'), false)
})

t.test('a watch tells what waits and each change once, through a restart', async (t) => {
  const { cluster, broker, client, create } = await stage(t)
  const session = await create()
  const first = await question(session, '@@create(1.txt) @@create(2.txt)')
  const watch = client.watchApprovals()
  const next = async () => (await watch.next()).value
  t.match(await next(), { approval: first, state: 'pending' })
  const other = await cluster.connect()
  await other.answer(first, 'allow')
  const told = [await next(), await next()]
  // Changes that follow each other at once may be told as one: the last one.
  const states = told.map((one) => `${one.approval === first} ${one.state}`)
  t.ok(states.includes('true applied') || states.includes('true answered'), states.join())
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  const [second] = await client.approvals()
  await other.answer(second?.approval ?? '', 'deny')
  for (;;) {
    const change = await next()
    if (change.approval === second?.approval && change.state === 'applied') break
  }
  await watch.return(undefined as never)
  t.pass('the last change came')
})
