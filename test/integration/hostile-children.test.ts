/** What the host makes of children that do what no child should: real processes, one session each. */
import t, { type Test } from 'tap'
import { DEFAULT_MAX_LINE_BYTES } from '../../agent-host/process/line-reader.ts'
import type { Chunk } from '../../protocol/messages/chunk.ts'
import { hostileAgent, unreadingAgent } from '../support/hostile-agent.ts'
import { STAY, tree } from '../support/processes.ts'
import { runSession } from '../support/runner.ts'

const of = <T extends Chunk['type']>(chunks: readonly Chunk[], type: T) =>
  chunks.filter((chunk): chunk is Extract<Chunk, { type: T }> => chunk.type === type)
const textOf = (chunks: readonly Chunk[]): string =>
  of(chunks, 'text')
    .map(({ content }) => content)
    .join('')
const isTurnEnd = ({ type }: Chunk): boolean => type === 'turn_complete'

t.test('100 MB without a newline cost one line, which is left out', async (t: Test) => {
  const agent = hostileAgent(`
    const block = Buffer.alloc(1e6, 'x')
    let left = 100
    const more = () => left-- > 0 ? process.stdout.write(block, more)
      : (process.stdout.write('\\n'), text('still here'), result())
    more()`)
  const { runner, child, until, peakLogBytes } = await runSession(t, agent)
  let peak = 0
  const looking = setInterval(() => {
    peak = Math.max(peak, child().heldBytes)
  }, 1)
  t.teardown(() => clearInterval(looking))
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(isTurnEnd)
  t.match(of(chunks, 'stderr'), [
    { content: 'a line of 100000000 bytes was too long and left out' },
  ])
  t.equal(textOf(chunks), 'still here')
  t.ok(peak > 1e6 && peak <= DEFAULT_MAX_LINE_BYTES, `it held ${peak} bytes at most`)
  t.equal(child().heldBytes, 0, 'and gave them back')
  t.ok(peakLogBytes() < 10_000, `${peakLogBytes()} bytes of chunks`)
})

t.test('bytes that are no UTF-8 are replaced and told, and the turn goes on', async (t: Test) => {
  const agent = hostileAgent(`
    const line = Buffer.from(JSON.stringify({ type: 'stream_event', event: delta('a?b') }) + '\\n')
    line[line.indexOf('a?b') + 1] = 0xff
    process.stdout.write(line)
    result()`)
  const { runner, until } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(isTurnEnd)
  t.equal(textOf(chunks), 'a\uFFFDb')
  t.match(of(chunks, 'stderr'), [{ content: /not valid UTF-8/ }])
  t.match(of(chunks, 'turn_complete'), [{ reason: 'end_turn' }])
})

t.test(
  'a child that dies inside a line: the line is no answer, the turn is gone',
  async (t: Test) => {
    const agent = hostileAgent(`
    text('half')
    process.stdout.write('{"type":"result","subtype":"success","is_err', () => process.exit(9))`)
    const { runner, chunks } = await runSession(t, agent)
    runner.prompt(1, 'go', 'queue')
    t.same(await runner.ended, { exitCode: 9, signal: null })
    t.equal(textOf(chunks), 'half')
    t.match(of(chunks, 'stderr'), [{ content: /^not a message: / }])
    t.match(chunks.slice(-2), [
      { type: 'turn_complete', turn_number: 1, reason: 'gone' },
      { type: 'complete', exit_code: 9 },
    ])
  },
)

t.test('a child that never reads: a prompt of 1 MiB waits, and a stop ends it', async (t: Test) => {
  const { runner, chunks } = await runSession(t, unreadingAgent)
  runner.prompt(1, 'x'.repeat(1024 * 1024), 'queue')
  t.equal(runner.interrupt(), 1, 'nor does it hear an interrupt')
  t.same(await runner.stop(), { exitCode: null, signal: 'SIGTERM' })
  t.match(chunks.slice(-2), [
    { type: 'turn_complete', turn_number: 1, reason: 'gone' },
    { type: 'complete', exit_code: null, signal: 'SIGTERM' },
  ])
})

t.test('a child that ignores every polite end is killed', async (t: Test) => {
  const agent = hostileAgent(`
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {})
    ${STAY}
    text('deaf')`)
  const { runner, until, chunks } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  await until(({ type }) => type === 'text')
  t.same(await runner.stop(), { exitCode: null, signal: 'SIGKILL' })
  t.match(of(chunks, 'turn_complete'), [{ reason: 'gone' }])
})

/** JavaScript that starts a process in a session of its own, and tells its pid as text. */
const detached = (script: string, stdio: string): string => `
  const tool = spawn(process.execPath, ['-e', ${JSON.stringify(script)}], { detached: true, stdio: ${stdio} })
  tool.unref()
  text(String(tool.pid))`

t.test(
  'a tool in a session of its own survives a SIGKILL of its CLI, and is ended',
  async (t: Test) => {
    const { runner, child, until, chunks } = await runSession(
      t,
      hostileAgent(detached(STAY, `'ignore'`)),
    )
    runner.prompt(1, 'go', 'queue')
    await until(({ type }) => type === 'text')
    const tool = tree.identify(Number(textOf(chunks)))
    if (tool === undefined) throw new Error('the tool did not start')
    child().signal('SIGKILL') // not its group: the CLI alone
    t.same(await runner.ended, { exitCode: null, signal: 'SIGKILL' })
    t.equal(tree.isAlive(tool), false)
    t.match(chunks.at(-1), { type: 'complete', signal: 'SIGKILL' })
  },
)

t.test(
  'a CLI that runs as a child of itself is ended whole when its parent dies',
  async (t: Test) => {
    // As Gemini CLI does: the parent only waits, its child writes into the pipe that both have.
    const inner = `
    const line = JSON.stringify({ type: 'stream_event',
      event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '.' } } })
    setInterval(() => console.log(line), 5)`
    const agent = hostileAgent(detached(inner, `['ignore', 'inherit', 'inherit']`))
    const { runner, child, until, chunks } = await runSession(t, agent)
    runner.prompt(1, 'go', 'queue')
    await until((chunk) => chunk.type === 'text' && chunk.content.includes('.'))
    const writer = tree.identify(Number.parseInt(textOf(chunks), 10))
    if (writer === undefined) throw new Error('the relaunched child did not start')
    child().signal('SIGKILL')
    t.same(await runner.ended, { exitCode: null, signal: 'SIGKILL' })
    t.equal(tree.isAlive(writer), false)
    const told = chunks.length
    t.match(chunks.slice(-2), [{ type: 'turn_complete', reason: 'gone' }, { type: 'complete' }])
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(chunks.length, told, 'nothing follows complete')
  },
)

t.test('an API failure that calls itself a success is an error', async (t: Test) => {
  const agent = hostileAgent(`
    say({ type: 'assistant', error: 'server_error', message: { id: 'm', model: '<synthetic>',
      content: [{ type: 'text', text: 'API Error: 500' }] } })
    result({ is_error: true, terminal_reason: 'api_error', api_error_status: 500,
      result: 'API Error: 500' })`)
  const { runner, until } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(isTurnEnd)
  t.equal(textOf(chunks), '', 'and its words are not the text of a model')
  t.match(of(chunks, 'error'), [{ kind: 'server', message: 'API Error: 500' }])
  t.match(of(chunks, 'turn_complete'), [{ reason: 'error' }])
})

t.test('an agent that is silent is told of, interrupted and at last stopped', async (t) => {
  const quiet = { tellMs: 100, interruptMs: 200, stopMs: 100 }
  const { runner, until } = await runSession(t, hostileAgent(''), { runner: { quiet } })
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(({ type }) => type === 'complete')
  const errors = chunks.filter((chunk) => chunk.type === 'error')
  t.match(errors.at(-1), { message: /its turn is interrupted/, retrying: true })
  t.match(chunks.slice(-2), [
    { type: 'turn_complete', reason: 'gone' },
    { type: 'complete', reason: /said nothing/ },
  ])
})

t.test('an agent that only says that it tries again is silent too', async (t) => {
  const retry = `setInterval(() => say({ type: 'system', subtype: 'api_retry', attempt: 1 }), 20)`
  const quiet = { tellMs: 0, interruptMs: 300, stopMs: 100 }
  const { runner, until } = await runSession(t, hostileAgent(retry), { runner: { quiet } })
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(({ type }) => type === 'complete')
  t.match(chunks.at(-1), { type: 'complete', reason: /said nothing/ })
})

t.test('a stop lets the running turn end before the input does', async (t) => {
  const slow = `setInterval(() => text('word '), 20)
    process.stdin.on('data', (data) => {
      if (String(data).includes('interrupt')) {
        setTimeout(() => result({ subtype: 'error_during_execution', is_error: true }), 50)
      }
    })
    process.stdin.on('end', () => process.exit(7))`
  const { runner, until } = await runSession(t, hostileAgent(slow))
  runner.prompt(1, 'go', 'queue')
  runner.prompt(2, 'later', 'queue')
  await until(({ type }) => type === 'text')
  t.match(await runner.stop(), { exitCode: 7 })
  const chunks = await until(({ type }) => type === 'complete')
  const ends = chunks.filter((chunk) => chunk.type === 'turn_complete')
  t.match(ends, [
    { turn_number: 1, reason: 'interrupted' },
    { turn_number: 2, reason: 'gone' },
  ])
})
