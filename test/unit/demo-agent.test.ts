import { statSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { BackendEvent } from '../../agent-host/backends/backend.ts'
import { demo } from '../../agent-host/backends/demo.ts'
import { createProbe } from '../../agent-host/process/probe.ts'
import { killNow, stop } from '../../agent-host/process/stop.ts'
import { Conversation, said } from '../support/conversation.ts'
import { freshMarkers, timers, tree } from '../support/processes.ts'

const context = { tree, timers }

interface Setup {
  readonly nativeSessionId?: string
  readonly resume?: boolean
  readonly cwd?: string
  readonly maxLineBytes?: number
  readonly state?: string
}

/** A demo agent as a host runs it. */
async function setUp(t: Test, { nativeSessionId, resume, cwd, ...setup }: Setup = {}) {
  const env = { AGENTMQ_DEMO_STATE: setup.state ?? t.testdir(), AGENTMQ_DEMO_DELAY_MS: '0' }
  const { maxLineBytes } = setup
  const talk = await Conversation.begin(t, {
    backend: demo,
    command: process.execPath,
    options: {
      env,
      ...(nativeSessionId !== undefined && { nativeSessionId }),
      ...(resume !== undefined && { resume }),
      ...(cwd !== undefined && { cwd }),
    },
    ...(maxLineBytes !== undefined && { maxLineBytes }),
  })
  const { child, driver, events, overflows, options } = talk
  return {
    ...{ child, driver, events, overflows, nativeSessionId: options.nativeSessionId },
    next: (...args: Parameters<Conversation['next']>) => talk.next(...args),
    turn: (text: string) => talk.turn(text),
  }
}

const types = (events: readonly BackendEvent[]): string[] => events.map(({ type }) => type)

t.test('is found by running it', async (t: Test) => {
  const probe = createProbe({ ...context, env: {}, markers: freshMarkers(t) })
  t.match(await demo.detect(probe), { available: true, version: /^\d+\.\d+\.\d+$/ })
  t.match(await demo.detect(async () => ({ missing: 'no' })), { available: false })
})

t.test('answers a prompt with thinking, a real tool call and a true text', async (t: Test) => {
  const cwd = t.testdir({ 'a.txt': '', folder: {} })
  const { turn, next, nativeSessionId, child } = await setUp(t, { cwd, state: `${cwd}/.state` })
  t.match(await next('ready', 0), { nativeSessionId })
  const events = await turn('What is the answer?')
  t.match(said(events, 'thinking'), /4 words/)
  t.match(
    events.find(({ type }) => type === 'tool_result'),
    { result: /a\.txt\nfolder\//, isError: false },
  )
  t.match(said(events), /demo agent.*"What is the answer\?".*turn 1 of/)
  t.match(events.slice(-2), [{ type: 'usage', inputTokens: 4 }, { reason: 'end_turn' }])
  t.match(said(await turn('And again?')), /turn 2 of/)
  const { mode } = statSync(`${cwd}/.state`)
  t.equal(mode & 0o777, 0o700)
  t.match(await stop(child, context), { how: 'end of input', exit: { exitCode: 0 } })
})

t.test('alternates text and thinking, so that no two pieces can be merged', async (t: Test) => {
  const { turn } = await setUp(t)
  const events = await turn('@@alternate(250)')
  const said = events.flatMap((event) =>
    event.type === 'text' || event.type === 'thinking' ? [`${event.type} ${event.content}`] : [],
  )
  const due = Array.from({ length: 250 }, (_, at) => `${at % 2 ? 'thinking' : 'text'} ${at + 1} `)
  t.strictSame(said, due)
})

t.test('directives run in order, and an argument is taken as it is', async (t: Test) => {
  const { turn } = await setUp(t)
  t.equal(
    said(await turn('@@echo(a (b) @@text(1)) and @@text(3)')),
    'a (b) @@text(1)word1 word2 word3 ',
  )
  t.match(said(await turn('@@help')), /@@count\(n\) .*@@recall/s)
  t.match(said(await turn('mail me@@example @@nothing')), /demo agent/)
  t.match(types(await turn('@@tool(Look)')), ['tool_use_start', 'tool_use_input', 'tool_result'])
})

t.test('an interrupt ends the turn at once, and the next turn works', async (t: Test) => {
  const { turn, driver, next, events } = await setUp(t)
  const slow = turn('@@echo(first)@@slow(1000)')
  await next('text', 0)
  driver.interrupt()
  t.match((await slow).slice(-1), [{ type: 'turn_end', reason: 'interrupted' }])
  t.same(
    events.filter(({ type }) => type === 'error' || type === 'diagnostic'),
    [],
  )
  const hanging = turn('@@hang')
  driver.interrupt()
  t.match((await hanging).slice(-1), [{ type: 'turn_end', reason: 'interrupted' }])
  t.equal(said(await turn('@@echo(still here)')), 'still here')
})

t.test('an interrupt gets through while it writes as fast as it can', async (t: Test) => {
  const { turn, driver, next } = await setUp(t)
  const counting = turn('@@count(100000000)')
  await next('text', 0)
  driver.interrupt()
  t.match((await counting).slice(-1), [{ type: 'turn_end', reason: 'interrupted' }])
})

t.test('counts in one delta a number and loses none', async (t: Test) => {
  const { turn } = await setUp(t)
  const events = await turn('@@count(20000)')
  t.equal(events.filter(({ type }) => type === 'text').length, 20_000)
  t.equal(said(events), Array.from({ length: 20_000 }, (_, i) => `${i + 1} `).join(''))
})

t.test('a paused reader stops it, and nothing is lost', async (t: Test) => {
  const { turn, child, next, events } = await setUp(t)
  const counting = turn('@@count(50000)')
  await next('text', 0)
  child.pause()
  const seen = events.length
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(events.length, seen, 'no more comes')
  child.resume()
  t.match(said(await counting), /49999 50000 $/)
})

t.test('huge texts and huge lines have exactly the size that was asked for', async (t: Test) => {
  const { turn, overflows } = await setUp(t, { maxLineBytes: 2_000_000 })
  t.equal(said(await turn('@@huge(1_500_001)')).length, 1_500_001)
  const events = await turn('@@line(3000000)@@echo(ok)')
  t.same(overflows, [3_000_000])
  t.equal(said(events), 'ok')
})

t.test('remembers a conversation over processes, also one that was killed', async (t: Test) => {
  const state = t.testdir()
  const first = await setUp(t, { state })
  const { nativeSessionId } = first
  t.match(said(await first.turn('@@recall')), 'I remember 0 earlier turns.')
  const from = first.events.length
  first.driver.prompt('@@echo(about to) @@hang')
  await first.next('text', from)
  await killNow(first.child, context)
  const second = await setUp(t, { state, nativeSessionId, resume: true })
  t.match(said(await second.turn('@@recall')), /I remember 2 earlier turns.*about to/)
  const third = await setUp(t, { state, nativeSessionId })
  t.match(await third.child.exited, { exitCode: 1 })
  t.match(third.child.stderr.text(), /already in use/)
  const unknown = await setUp(t, { state, resume: true })
  t.match(await unknown.child.exited, { exitCode: 1 })
  t.match(unknown.events, [{ type: 'error', message: /No conversation found/ }])
})

t.test('fails as the API would, and goes on', async (t: Test) => {
  const { turn, child } = await setUp(t)
  const events = await turn('@@error(429)')
  t.match(
    events.filter(({ type }) => type === 'error'),
    [{ retrying: true }, { kind: 'rate_limit', message: /^API Error: 429/ }],
  )
  t.match(events.slice(-1), [{ type: 'turn_end', reason: 'error' }])
  t.match(await turn('@@error(0)'), [{ kind: 'network' }, { kind: 'network' }])
  t.equal(said(await turn('@@echo(ok)')), 'ok')
  t.match(await stop(child, context), { exit: { exitCode: 0 } })
})

t.test('broken output is diagnosed, and the turn goes on', async (t: Test) => {
  const { turn } = await setUp(t)
  const events = await turn('@@invalid@@stderr(3)@@echo(ok)')
  t.equal(events.filter(({ type }) => type === 'diagnostic').length, 5)
  t.equal(said(events), 'ok')
})

t.test(
  'ends as it is told to: by a code in the middle of a line, or by a signal',
  async (t: Test) => {
    const crash = await setUp(t)
    t.match((await crash.turn('@@echo(a)@@crash(3)')).slice(-1), [{ reason: 'gone' }])
    t.same(await crash.child.exited, { exitCode: 3, signal: null })
    const die = await setUp(t)
    t.match((await die.turn('@@die(SIGSEGV)')).slice(-1), [{ reason: 'gone' }])
    t.same(await die.child.exited, { exitCode: null, signal: 'SIGSEGV' })
    const term = await setUp(t)
    await term.turn('@@echo(a)')
    term.child.signal('SIGTERM')
    t.same(await term.child.exited, { exitCode: 143, signal: null })
  },
)

t.test('the end of stdin lets the running turn finish', async (t: Test) => {
  const { driver, child, next, events } = await setUp(t)
  driver.prompt('@@echo(a)@@slow(3)@@echo(z)')
  await next('text', 0)
  child.closeStdin()
  t.same(await child.exited, { exitCode: 0, signal: null })
  t.equal(said(events), 'aword1 word2 word3 z')
  t.match(events.slice(-1), [{ type: 'turn_end', reason: 'end_turn' }])
})

t.test('stubborn and forking agents are ended with all that they left', async (t: Test) => {
  const { turn, child } = await setUp(t)
  await turn('@@ignore-term @@fork')
  t.equal(tree.marked(child.markers).length, 2)
  const report = await stop(child, { ...context, times: { eofMs: 1, termMs: 1 } })
  t.match(report, { how: 'SIGKILL', survivors: [] })
  t.same(await child.exited, { exitCode: null, signal: 'SIGKILL' })
  t.same(tree.marked(child.markers), [])
})
