/** What the host makes of ACP agents that do not keep to the protocol: real processes, one session each. */
import t, { type Test } from 'tap'
import { MAX_UNANSWERED } from '../../agent-host/backends/json-rpc-peer.ts'
import type { Chunk } from '../../protocol/messages/chunk.ts'
import { acpAgent } from '../support/acp-agent.ts'
import { runSession } from '../support/runner.ts'

const of = <T extends Chunk['type']>(chunks: readonly Chunk[], type: T) =>
  chunks.filter((chunk): chunk is Extract<Chunk, { type: T }> => chunk.type === type)
const textOf = (chunks: readonly Chunk[]): string =>
  of(chunks, 'text')
    .map(({ content }) => content)
    .join('')
const endsTurn = (turn: number) => (chunk: Chunk) =>
  chunk.type === 'turn_complete' && chunk.turn_number === turn

/** It hears a failure of its model and answers nothing: as adapters do that try again for ever. */
const SILENT = `let prompts = 0
  on['session/prompt'] = () => { if (++prompts > 1) { text('alive'); end() } }`

t.test(
  'an agent that answers nothing is interrupted, and goes on when it heeds that',
  async (t: Test) => {
    const agent = acpAgent(`${SILENT}; on['session/cancel'] = () => end('cancelled')`)
    const quiet = { tellMs: 0, interruptMs: 100, stopMs: 60_000 }
    const { runner, until } = await runSession(t, agent, { runner: { quiet } })
    runner.prompt(1, 'go', 'queue')
    runner.prompt(2, 'again', 'queue')
    const chunks = await until(endsTurn(2))
    t.match(of(chunks, 'error'), [{ message: /its turn is interrupted/ }])
    t.equal(textOf(chunks), 'alive')
    t.match(of(chunks, 'turn_complete'), [{ reason: 'interrupted' }, { reason: 'end_turn' }])
  },
)

t.test('one that does not heed the cancel either is stopped', async (t: Test) => {
  const quiet = { tellMs: 0, interruptMs: 100, stopMs: 100 }
  const { runner, chunks } = await runSession(t, acpAgent(SILENT), { runner: { quiet } })
  runner.prompt(1, 'go', 'queue')
  t.same(await runner.ended, { exitCode: 0, signal: null }, 'the end of its input was enough')
  t.match(chunks.slice(-2), [
    { type: 'turn_complete', reason: 'gone' },
    { type: 'complete', reason: /said nothing/ },
  ])
})

t.test('requests of both sides under the same ids find their own answers', async (t: Test) => {
  // The host's requests were 0 (initialize), 1 (session/new) and 2 (session/prompt); so are these.
  const agent = acpAgent(`
    on['session/prompt'] = () => {
      request('fs/read_text_file', { path: '/etc/passwd' })
      request('terminal/create', { command: 'sh' })
      request('session/request_permission', { toolCall: { toolCallId: 'c' }, options: [] })
    }
    const heard = []
    on.answer = ({ id, error, result }) => {
      heard.push(id + ' ' + (error ? error.code : result.outcome.outcome))
      if (heard.length === 3) { text(heard.join(', ')); end() }
    }`)
  const { runner, until } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  await until(({ type }) => type === 'approval_request')
  runner.interrupt() // what is asked is answered for it
  const chunks = await until(endsTurn(1))
  t.equal(textOf(chunks), '0 -32601, 1 -32601, 2 cancelled')
})

t.test('noise before the first message is no message, and no obstacle', async (t: Test) => {
  const agent = acpAgent(`console.log('Welcome!\\n{"half":'); on['session/prompt'] = () => end()`)
  const { runner, until } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(endsTurn(1))
  t.match(of(chunks, 'stderr'), [{ content: /Welcome!/ }, { content: /half/ }])
})

t.test('an agent that dies with a question open: the question goes with it', async (t: Test) => {
  const agent = acpAgent(
    `on['session/prompt'] = () => { ask(); setImmediate(() => process.exit(4)) }`,
  )
  const { runner, chunks } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  t.same(await runner.ended, { exitCode: 4, signal: null })
  t.match(
    chunks.slice(-5).map((chunk) => chunk.type),
    ['approval_request', 'approval_settled', 'tool_result', 'turn_complete', 'complete'],
  )
})

t.test('more questions than anybody could answer are refused', async (t: Test) => {
  const agent = acpAgent(`
    on['session/prompt'] = () => { for (let n = 0; n <= ${MAX_UNANSWERED}; n++) ask() }
    on.answer = ({ id, error }) => { if (error) { text(id + ' ' + error.code); end() } }`)
  const { runner, until } = await runSession(t, agent)
  runner.prompt(1, 'go', 'queue')
  const chunks = await until(endsTurn(1))
  t.equal(of(chunks, 'approval_request').length, MAX_UNANSWERED)
  t.equal(of(chunks, 'approval_settled').length, MAX_UNANSWERED, 'all taken back with the turn')
  t.equal(textOf(chunks), `${MAX_UNANSWERED} -32000`)
})

t.test('an agent that cannot open a session says why', async (t: Test) => {
  const refusal = `on['session/new'] = ({ id }) => say({ id, error: { code: -32603, message: 'no disk' } })`
  await t.rejects(runSession(t, acpAgent(refusal)), {
    code: 'START_FAILED',
    message: /session\/new: no disk/,
  })
  const death = `on['session/new'] = () => { console.error('out of luck'); process.exit(1) }`
  await t.rejects(runSession(t, acpAgent(death)), { code: 'START_FAILED', message: /out of luck/ })
})
