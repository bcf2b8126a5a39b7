/** What agents do to their host, and what is done to them: real processes, the demo agent, one cluster. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breath } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HOST_VARIABLE, SESSION_VARIABLE } from '../../agent-host/process/markers.ts'
import type { Client, SessionHandle, StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { oddClaude } from '../support/odd-claude.ts'
import { eventually, tree } from '../support/processes.ts'

const isEnd = ({ type }: StreamItem): boolean => type === 'complete'
const isTurnEnd = (item: StreamItem): boolean => item.type === 'turn_complete'
const ends = (items: readonly StreamItem[]) =>
  only(items, 'turn_complete').map(({ turn_number, reason }) => [turn_number, reason])

/** One letter of proc(5): T is stopped. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
}

interface Stage {
  readonly cluster: Cluster
  readonly client: Client
  readonly hostId: string
  /** Id of a host whose Claude Code is no such thing. */
  readonly oddId: string
  readonly create: (more?: object) => Promise<SessionHandle>
}

/** Three hosts: one for most things, one with a single slot, one with an odd CLI. */
async function stage(t: Test): Promise<Stage> {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const common = ['--root', cluster.workspace, '--stop-ms', '300']
  const odd = ['--claude-command', oddClaude(cluster.dir), '--start-ms', '1500']
  const [main, odds] = await Promise.all([
    cluster.host({ args: [...common, '--name', 'main', '--claude-command', '/no/such/claude'] }),
    cluster.host({ args: [...common, '--name', 'odd', ...odd] }),
    cluster.host({ args: [...common, '--name', 'small', '--slots', '1'] }),
  ])
  const client = await cluster.connect()
  const create = (more: object = {}) =>
    client.createSession({ backend: 'demo', host: 'main', cwd: cluster.workspace, ...more })
  const [hostId = '', oddId = ''] = [main, odds].map(({ ready }) => String(ready['host']))
  return { cluster, client, hostId, oddId, create }
}

/** The whole stream of a session that ends by itself after this prompt. */
async function last(session: SessionHandle, prompt: string): Promise<StreamItem[]> {
  await session.prompt(prompt)
  return until(session.follow(), isEnd)
}

t.test('agents and their host', async (t) => {
  const { cluster, client, hostId, oddId, create } = await stage(t)

  t.test('words arrive one by one, and long texts byte for byte', async (t) => {
    const session = await create()
    const slow = await turn(session, '@@slow(5)')
    t.equal(textOf(slow), 'word1 word2 word3 word4 word5 ')
    t.ok(only(slow, 'text').length >= 4, 'as they came')
    const huge = await turn(session, '@@huge(5000000)')
    t.ok(textOf(huge) === '0123456789abcde '.repeat(312_500), '5,000,000 bytes')
    t.strictSame(ends(huge), [[2, 'end_turn']])
    await session.stop()
  })

  t.test('a reader that reads slowly gets 1..n in order', async (t) => {
    const session = await create()
    await session.prompt('@@count(20000)')
    const seen: StreamItem[] = []
    for await (const item of session.follow()) {
      seen.push(item)
      for (let wait = 0; wait < 20; wait += 1) await breath()
      if (isTurnEnd(item)) break
    }
    t.ok(textOf(seen) === Array.from({ length: 20_000 }, (_, index) => `${index + 1} `).join(''))
    t.strictSame(only(seen, 'gap'), [])
    await session.stop()
  })

  t.test('odd output is told as diagnostics and spoils nothing', async (t) => {
    const session = await create()
    await session.prompt('@@stderr(5) @@invalid @@line(1000000) @@echo(still here)')
    const isLast = (item: StreamItem) => item.type === 'stderr' && item.content === 'stderr line 5 '
    await until(session.follow(), isLast) // stderr is a pipe of its own, before or behind the others
    await session.prompt('@@echo()')
    const odd = await until(session.follow(), (item) => ends([item])[0]?.[0] === 2)
    t.equal(textOf(odd), 'still here')
    const said = only(odd, 'stderr').map(({ content }) => content)
    t.ok(said.some((line) => /not valid UTF-8/.test(line)))
    t.ok(said.some((line) => /this line is not JSON/.test(line)))
    t.ok(said.every((line) => line.length < 300))
    t.strictSame(
      said.filter((line) => /^stderr line/.test(line)),
      [1, 2, 3, 4, 5].map((n) => `stderr line ${n} `),
    )
    t.strictSame(ends(odd), [
      [1, 'end_turn'],
      [2, 'end_turn'],
    ])
    await session.stop()
  })

  t.test('a crash has its true exit code, a signal its name, and each turn one end', async (t) => {
    const [crashed, died] = await Promise.all([create(), create()])
    const [crash, death] = await Promise.all([
      last(crashed, '@@echo(half) @@crash(3)'),
      last(died, '@@die(SIGSEGV)'),
    ])
    t.equal(textOf(crash), 'half')
    t.match(crash.at(-1), { type: 'complete', exit_code: 3, session_id: crashed.id })
    t.match(death.at(-1), { type: 'complete', exit_code: null, signal: 'SIGSEGV' })
    t.strictSame([ends(crash), ends(death)], [[[1, 'gone']], [[1, 'gone']]])
    t.match(await crashed.refresh(), { status: 'failed', exit_code: 3, pid: null })
    t.match(await died.refresh(), { status: 'failed', exit_code: null, signal: 'SIGSEGV' })
    const again = await crashed.recover()
    t.match(again, { status: 'idle', epoch: 2 })
    t.match(textOf(await turn(crashed, '@@recall')), /^I remember 1 earlier turns/)
    await crashed.stop()
  })

  t.test('what an agent leaves running is ended with it', async (t) => {
    const [forked, deaf] = await Promise.all([create(), create()])
    await Promise.all([turn(forked, '@@fork'), turn(deaf, '@@ignore-term')])
    const left = (id: string) => tree.marked({ [SESSION_VARIABLE]: id })
    t.equal(left(forked.id).length, 2)
    const since = performance.now()
    const [first, second] = await Promise.all([forked.stop(), deaf.stop()])
    t.match(first, { status: 'ended', exit_code: 0 })
    t.match(second, { status: 'ended', exit_code: null, signal: 'SIGKILL' })
    t.strictSame([left(forked.id), left(deaf.id)], [[], []])
    t.ok(performance.now() - since < 5000, `${Math.round(performance.now() - since)} ms`)
  })

  t.test('an interrupt ends a flood, and the session goes on', async (t) => {
    const session = await create()
    const { sequence } = await session.prompt('@@count(50000000)')
    await until(session.follow({ from: sequence }), ({ type }) => type === 'text')
    const since = performance.now()
    t.match(await session.interrupt(), { interrupted: true, turn: 1 })
    t.comment(`interrupt answered after ${Math.round(performance.now() - since)} ms`)
    const seen = await until(session.follow({ from: sequence }), isTurnEnd)
    t.comment(`flood ended after ${Math.round(performance.now() - since)} ms`)
    t.strictSame(ends(seen), [[1, 'interrupted']])
    t.match(await session.interrupt(), { interrupted: false, turn: 0 })
    t.equal(textOf(await turn(session, '@@echo(next)')), 'next')
    await session.kill()
  })

  t.test('prompts wait for the turn that runs, refuse to, or end it first', async (t) => {
    const session = await create()
    await session.prompt('@@hang')
    await session.prompt('@@echo(two)')
    await t.rejects(session.prompt('no', { whenBusy: 'reject' }), { code: 'BUSY' })
    await session.prompt('@@echo(three)', { whenBusy: 'interrupt' })
    const seen = await until(session.follow(), (item) => ends([item])[0]?.[0] === 3)
    t.strictSame(ends(seen), [
      [1, 'interrupted'],
      [2, 'end_turn'],
      [3, 'end_turn'],
    ])
    t.strictSame(
      only(seen, 'text').map((item) => [item.turn, item.content]),
      [
        [2, 'two'],
        [3, 'three'],
      ],
    )
    await session.stop()
  })

  t.test('the context stands before the first prompt, and before no other', async (t) => {
    const session = await create({ context: '@@echo(context )' })
    t.equal(textOf(await turn(session, '@@echo(one)')), 'context one')
    t.equal(textOf(await turn(session, '@@echo(two)')), 'two')
    const prompts = only(
      await until(session.follow(), (item) => ends([item])[0]?.[0] === 2),
      'prompt',
    )
    t.strictSame(
      prompts.map(({ text }) => text),
      ['@@echo(one)', '@@echo(two)'],
      'as they were given',
    )
    await session.kill()
    await session.recover()
    t.equal(textOf(await turn(session, '@@echo(three)')), 'three')
    await session.stop()
  })

  t.test('a held session ends its turn and begins no other until it is resumed', async (t) => {
    const session = await create()
    const first = await session.prompt('@@slow(5)')
    t.match(await session.pause(), { paused: 'hold', status: 'running' })
    const held = await session.prompt('@@echo(later)')
    await until(session.follow({ from: first.sequence }), (item) => ends([item])[0]?.[0] === 1)
    t.match(await session.refresh(), { paused: 'hold', pending_turns: 1 })
    t.match(await session.resume(), { paused: '' })
    const seen = await until(session.follow({ from: held.sequence }), (item) => {
      return ends([item])[0]?.[0] === 2
    })
    t.match(only(seen, 'text').at(-1), { turn: 2, content: 'later' })
    t.strictSame(
      only(seen, 'status').flatMap(({ paused }) => (paused === undefined ? [] : [paused])),
      [''],
    )
    await session.stop()
  })

  t.test('a frozen session stands still with its tools, and goes on where it was', async (t) => {
    const session = await create()
    await turn(session, '@@fork')
    const { sequence } = await session.prompt('@@slow(30)')
    await until(session.follow({ from: sequence }), ({ type }) => type === 'text')
    await session.pause('freeze')
    const family = tree.marked({ [SESSION_VARIABLE]: session.id })
    t.ok(family.length >= 2, `${family.length} processes`)
    await eventually(() => family.every(({ pid }) => stateOf(pid) === 'T'), 'all are stopped')
    t.match(await session.pause('freeze'), { paused: 'freeze' }, 'again: nothing more')
    await session.resume()
    t.ok(family.every(({ pid }) => stateOf(pid) !== 'T'))
    const seen = await until(session.follow({ from: sequence }), isTurnEnd)
    t.match(textOf(seen), /word30 $/)
    await session.pause('freeze')
    t.match(await session.stop(), { status: 'ended', exit_code: 0, paused: '' })
    t.strictSame(tree.marked({ [SESSION_VARIABLE]: session.id }), [])
  })

  t.test('what a session uses is known within seconds, its tools included', async (t) => {
    const session = await create()
    await turn(session, '@@fork')
    let isAsking = false
    const look = (): boolean => {
      if (!isAsking) void session.refresh().then(() => (isAsking = false))
      isAsking = true
      return (session.info.usage?.processes ?? 0) >= 2
    }
    await eventually(look, 'a report of the host')
    const { usage } = session.info
    t.ok((usage?.rss_bytes ?? 0) > 20_000_000, `${usage?.rss_bytes} bytes`)
    t.ok((usage?.cpu_ms ?? 0) > 0, `${usage?.cpu_ms} ms`)
    await session.kill()
  })

  t.test('signals, modes and lines reach the process, or the reason why not', async (t) => {
    const session = await create()
    t.match(await session.setMode('plan'), { status: 'idle' })
    await t.rejects(session.write('x'), { code: 'NOT_SUPPORTED', message: /give it a prompt/ })
    await session.signal('SIGTERM')
    const seen = await until(session.follow(), isEnd)
    t.ok(only(seen, 'status').some(({ reason }) => reason === 'mode plan'))
    t.match(seen.at(-1), { type: 'complete', exit_code: 143 })
    await t.rejects(session.signal('SIGINT'), { code: 'WRONG_STATE' })
    await t.rejects(session.pause(), { code: 'WRONG_STATE' })
  })

  t.test('stop and kill answer with the true end, which is then in the stream', async (t) => {
    const [stopped, killed] = await Promise.all([create(), create()])
    await killed.prompt('@@hang')
    await killed.prompt('never begun')
    const [stop, kill] = await Promise.all([stopped.stop(), killed.kill()])
    t.match(stop, { status: 'ended', exit_code: 0, signal: '', pid: null })
    t.match(kill, { status: 'ended', exit_code: null, signal: 'SIGKILL', pid: null })
    for (const { id, info } of [stopped, killed]) {
      const seen = await until(client.follow(id), isEnd)
      t.equal((seen.at(-1) as { seq?: number }).seq, info.head, 'complete is the head')
    }
    const turns = await until(killed.follow(), isEnd)
    t.strictSame(ends(turns), [
      [1, 'gone'],
      [2, 'gone'],
    ])
    await t.rejects(killed.prompt('late'), { code: 'WRONG_STATE' })
  })

  t.test('what the host does not allow is refused with the reason', async (t) => {
    const before = tree.marked({ [HOST_VARIABLE]: hostId }).length
    const claude = client.createSession({ backend: 'claude', host: 'main' })
    await t.rejects(claude, { code: 'NO_BACKEND', message: /\/no\/such\/claude/ })
    const refusals = [
      [{ cwd: '/' }, { code: 'NOT_ALLOWED', message: /outside of its roots/ }],
      [{ cwd: join(cluster.workspace, 'none') }, { code: 'INVALID_PARAMS', message: /none is no/ }],
      [{ cwd: 'work' }, { code: 'INVALID_PARAMS', message: /not an absolute path/ }],
      [{ env: { LD_PRELOAD: 'evil.so' } }, { code: 'NOT_ALLOWED', message: /LD_PRELOAD/ }],
      [{ env: { AGENTMQ_HOST: 'x' } }, { code: 'NOT_ALLOWED', message: /AGENTMQ_HOST/ }],
    ] as const
    for (const [more, error] of refusals) await t.rejects(create(more), error)
    t.equal(tree.marked({ [HOST_VARIABLE]: hostId }).length, before, 'nothing was started')
    t.notMatch(cluster.logOf('agent-host'), 'evil.so')
  })

  t.test('a host with one slot runs one session, and the slot comes back', async (t) => {
    const first = await create({ host: 'small' })
    await t.rejects(create({ host: 'small' }), { code: 'AT_CAPACITY' })
    await first.kill()
    const second = await create({ host: 'small' })
    process.kill(second.info.pid ?? 0, 'SIGKILL')
    await until(second.follow(), isEnd)
    t.match(await second.recover(), { status: 'idle', epoch: 2 })
  })

  t.test('a start that hangs is given up when it is cancelled, stopped or too late', async (t) => {
    const running = () => tree.marked({ [HOST_VARIABLE]: oddId })
    const begin = (name: string, signal?: AbortSignal) => {
      const params = { backend: 'claude', host: 'odd', cwd: cluster.workspace, model: 'hang', name }
      return client.createSession(params, { signal })
    }
    const late = t.rejects(begin('late'), {
      code: 'START_FAILED',
      message: /not ready after 1500 ms/,
    })
    const controller = new AbortController()
    const cancelled = t.rejects(begin('cancelled', controller.signal), { code: 'CANCELLED' })
    const stopped = t.rejects(begin('stopped'), { code: 'CANCELLED' })
    await eventually(() => running().length >= 3, 'three that hang')
    controller.abort()
    t.match(await client.session('stopped').stop(), { pid: null })
    await Promise.all([late, cancelled, stopped])
    await eventually(() => running().length === 0, 'all to be gone')
    for (const name of ['late', 'cancelled', 'stopped']) {
      const session = client.session(name)
      await until(session.follow(), isEnd)
      const info = await session.refresh()
      t.match(info, { status: name === 'stopped' ? 'ended' : 'failed', pid: null }, name)
      const seen = await until(session.follow(), (item) => 'seq' in item && item.seq === info.head)
      t.equal(only(seen, 'complete').length, 1)
    }
  })

  t.test('an agent that does not start says why, in its own words', async (t) => {
    const params = { backend: 'claude', host: 'odd', cwd: cluster.workspace, model: 'refuse' }
    const error = { code: 'START_FAILED', where: 'cli', message: /you shall not pass/ }
    await t.rejects(client.createSession(params), error)
    const { sessions } = await client.call('session.list', { limit: 1 })
    const seen = await until(client.follow(sessions[0]?.session ?? ''), isEnd)
    t.match(seen.at(-1), { type: 'complete', reason: /you shall not pass/ })
  })

  t.test('an agent that stops listening is ended, and so is its turn', async (t) => {
    const params = { backend: 'claude', host: 'odd', cwd: cluster.workspace, model: 'deaf' }
    const session = await client.createSession(params)
    const seen = await last(session, 'can you hear me?')
    t.strictSame(ends(seen), [[1, 'gone']])
    t.match(seen.at(-1), { type: 'complete', reason: /closed its input/ })
    t.match(await session.refresh(), { status: 'failed', reason: /closed its input/ })
  })
})
