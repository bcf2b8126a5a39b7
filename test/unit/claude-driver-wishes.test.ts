import t, { type Test } from 'tap'
import type { BackendEvent, StartOptions } from '../../agent-host/backends/backend.ts'
import { createBackends } from '../../agent-host/backends/index.ts'
import { StreamJsonDriver, type StreamJsonOptions } from '../../agent-host/backends/stream-json.ts'

const OPTIONS: StartOptions = {
  session: 's',
  cwd: '/',
  env: { ONLY: 'this' },
  nativeSessionId: 'native',
  resume: false,
}

function setUp(streamJson: StreamJsonOptions = {}) {
  const events: BackendEvent[] = []
  const written: Record<string, unknown>[] = []
  let ids = 0
  const port = {
    writeLine: (line: string) => written.push(JSON.parse(line)),
    emit: (event: BackendEvent) => events.push(event),
    newId: () => `id-${++ids}`,
  }
  const driver = new StreamJsonDriver(OPTIONS, port, streamJson)
  const says = (...messages: object[]): void => {
    for (const message of messages) driver.line(JSON.stringify(message))
  }
  const textOf = (type: 'text' | 'thinking'): string =>
    events.map((event) => (event.type === type ? event.content : '')).join('')
  const ofType = (type: string) => events.filter((event) => event.type === type)
  return { driver, events, written, says, textOf, ofType }
}

const stream = (event: object, more: object = {}) => ({ type: 'stream_event', event, ...more })
const start = (id: string) => stream({ type: 'message_start', message: { id } })
const delta = (text: string, index = 0) =>
  stream({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
const stop = (abandoned?: number) =>
  stream(
    { type: 'message_stop' },
    abandoned === undefined ? {} : { abandoned_blocks: { from_block_index: abandoned } },
  )
const whole = (id: string, ...content: object[]) => ({
  type: 'assistant',
  message: { id, content },
})
const text = (content: string) => ({ type: 'text', text: content })
const tool = (id: string, input: unknown = {}) => ({ type: 'tool_use', id, name: 'Bash', input })
const toolResult = (id: string, content: unknown) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content }] },
})
const result = (more: object = {}) => ({
  type: 'result',
  subtype: 'success',
  is_error: false,
  ...more,
})

t.test('asks whether the CLI is ready, and says so once when it is', async (t: Test) => {
  const { driver, events, written, says } = setUp()
  driver.started()
  t.match(written, [{ type: 'control_request', request: { subtype: 'initialize' } }])
  says({ type: 'control_response', response: { subtype: 'success', request_id: 'other' } })
  t.same(events, [])
  says({ type: 'control_response', response: { subtype: 'success', request_id: 'id-1' } })
  says({ type: 'control_response', response: { subtype: 'success', request_id: 'id-1' } })
  t.same(events, [{ type: 'ready', nativeSessionId: 'native' }])
})

t.test('a CLI that does not know initialize is ready all the same', async (t: Test) => {
  const { driver, events, says } = setUp()
  driver.started()
  const response = { subtype: 'error', request_id: 'id-1', error: 'unsupported' }
  says({ type: 'control_response', response })
  t.match(events, [{ type: 'diagnostic' }, { type: 'ready' }])
})

t.test(
  'init tells the model and the true session, and is repeated only when they change',
  async (t: Test) => {
    const { events, says } = setUp()
    const init = (model: string) => ({
      type: 'system',
      subtype: 'init',
      session_id: 'forked',
      model,
    })
    says(init('sonnet'), init('sonnet'), init('opus'))
    t.same(events, [
      { type: 'ready', nativeSessionId: 'forked', model: 'sonnet' },
      { type: 'ready', nativeSessionId: 'forked', model: 'opus' },
    ])
  },
)

t.test('a prompt is one line, whatever it holds', async (t: Test) => {
  const { driver, written } = setUp()
  driver.prompt('one\ntwo \u2028 "three" \ud800')
  t.match(written, [{ type: 'user', message: { role: 'user', content: [{ type: 'text' }] } }])
  t.notMatch(JSON.stringify(written), '\n')
})

t.test('an interrupt is asked for once, and only while a turn runs', async (t: Test) => {
  const { driver, written, says, ofType } = setUp()
  driver.interrupt()
  t.equal(written.length, 0)
  driver.prompt('go')
  driver.interrupt()
  driver.interrupt()
  t.match(written.slice(1), [{ request: { subtype: 'interrupt' } }])
  says(result({ subtype: 'error_during_execution', is_error: true }))
  t.same(ofType('turn_end'), [{ type: 'turn_end', reason: 'interrupted' }])
  t.same(ofType('error'), [])
  driver.interrupt()
  t.equal(written.length, 2)
})

t.test('text that is streamed again after a dropped stream comes out once', async (t: Test) => {
  const { says, textOf, ofType } = setUp()
  says(start('a'), delta('Hello '), delta('wor'), stop(0))
  says({ type: 'system', subtype: 'api_retry', error_status: 500, attempt: 1, max_retries: 2 })
  says(start('b'), delta('Hel'), delta('lo world'), delta('!'), stop())
  says(whole('b', text('Hello world!')))
  t.equal(textOf('text'), 'Hello world!')
  t.match(ofType('error'), [{ kind: 'server', retrying: true }])
  t.same(ofType('diagnostic'), [])
})

t.test('a stream that is dropped twice still comes out once', async (t: Test) => {
  const { says, textOf } = setUp()
  says(start('a'), delta('one two three'), stop(0))
  says(start('b'), delta('one '), stop(0))
  says(start('c'), delta('one two '), delta('three four'), stop())
  t.equal(textOf('text'), 'one two three four')
})

t.test(
  'blocks before the abandoned ones stay, and the same words later are new',
  async (t: Test) => {
    const { says, textOf } = setUp()
    says(start('a'), delta('kept ', 0), delta('again ', 1), stop(1))
    says(start('b'), delta('again ', 0), stop(), start('c'), delta('again '), stop())
    t.equal(textOf('text'), 'kept again again ')
  },
)

t.test('a stream that breaks off without a word counts as dropped', async (t: Test) => {
  const { says, textOf } = setUp()
  says(start('a'), delta('Hello '), start('b'), delta('Hello '), delta('you'), stop())
  t.equal(textOf('text'), 'Hello you')
})

t.test('a retry without streaming is told once too', async (t: Test) => {
  const { says, textOf } = setUp()
  says(start('a'), delta('Hello '), stop(0), whole('b', text('Hello you')))
  t.equal(textOf('text'), 'Hello you')
})

t.test('a retry that says something else is published and diagnosed', async (t: Test) => {
  const { says, textOf, ofType } = setUp()
  says(start('a'), delta('Hello wor'), stop(0))
  says(start('b'), delta('Hello '), delta('there'), delta(' you'), stop())
  t.equal(textOf('text'), 'Hello worthere you')
  t.match(ofType('diagnostic'), [{ message: /differs/ }])
})

t.test('a whole block adds what its deltas left out', async (t: Test) => {
  const { says, textOf } = setUp()
  says(start('a'), delta('Hel'), whole('a', text('Hello')), whole('a', text(' twice')))
  says(whole('b', { type: 'thinking', thinking: 'hm' }, text('.')))
  t.equal(textOf('text'), 'Hello twice.')
  t.equal(textOf('thinking'), 'hm')
})

t.test(
  'what a sub-agent says is not the answer, but the result of its tool is',
  async (t: Test) => {
    const { says, events } = setUp()
    const of = { parent_tool_use_id: 'task' }
    says(whole('a', tool('task')))
    says({ ...delta('inner'), ...of }, { ...whole('x', text('inner'), tool('t2')), ...of })
    says(
      { ...toolResult('t2', 'inner'), ...of },
      toolResult('task', [text('done'), { type: 'image' }]),
    )
    t.same(events, [
      { type: 'tool_use_start', toolId: 'task', toolName: 'Bash' },
      { type: 'tool_use_input', toolId: 'task', input: {} },
      { type: 'tool_result', toolId: 'task', result: 'done\n[image]', isError: false },
    ])
  },
)

t.test('a turn that is cut off closes its tools first', async (t: Test) => {
  const { driver, says, events } = setUp()
  driver.prompt('go')
  says(whole('a', tool('t1')), whole('a', tool('t2')), toolResult('t1', 'ok'))
  driver.ended()
  t.same(events.slice(-2), [
    { type: 'tool_result', toolId: 't2', result: 'interrupted', isError: true },
    { type: 'turn_end', reason: 'gone' },
  ])
  driver.ended()
  t.equal(events.length, 7, 'once')
})

t.test('the reasons of a turn that ended are told apart', async (t: Test) => {
  const reasons: readonly [object, string, string | undefined][] = [
    [{ stop_reason: 'end_turn' }, 'end_turn', undefined],
    [{ stop_reason: 'max_tokens' }, 'max_tokens', undefined],
    [{ stop_reason: 'refusal' }, 'refusal', undefined],
    [{ subtype: 'error_max_turns', is_error: true }, 'max_turns', undefined],
    [{ subtype: 'error_during_execution', is_error: true, errors: ['a', 'b'] }, 'error', undefined],
    [{ is_error: true, terminal_reason: 'api_error', api_error_status: 529 }, 'error', 'server'],
    [{ is_error: true, terminal_reason: 'api_error', api_error_status: 403 }, 'error', 'auth'],
    [{ is_error: true, terminal_reason: 'api_error', api_error_status: 404 }, 'error', 'config'],
    [{ is_error: true, terminal_reason: 'api_error', api_error_status: null }, 'error', 'network'],
  ]
  for (const [line, reason, kind] of reasons) {
    const { driver, says, ofType } = setUp()
    driver.prompt('go')
    says(result(line))
    t.same(ofType('turn_end'), [{ type: 'turn_end', reason }])
    const errors = ofType('error').map((event) => ('kind' in event ? event.kind : undefined))
    t.same(errors, reason === 'error' ? [kind] : [])
  }
})

t.test(
  'an older CLI tells the cost of all turns, and the difference is reported',
  async (t: Test) => {
    const { driver, says, ofType } = setUp()
    const usage = { input_tokens: 1, cache_creation_input_tokens: 20, cache_read_input_tokens: 300 }
    for (const total_cost_usd of [0.1, 0.3]) {
      driver.prompt('go')
      says(result({ usage: { ...usage, output_tokens: 4 }, total_cost_usd }))
    }
    t.same(ofType('usage'), [
      { type: 'usage', inputTokens: 321, outputTokens: 4, costUsd: 0.1 },
      { type: 'usage', inputTokens: 321, outputTokens: 4, costUsd: 0.2 },
    ])
  },
)

t.test('the output of a command that the CLI answers itself is published', async (t: Test) => {
  const { driver, says, textOf } = setUp()
  driver.prompt('/cost')
  says(result({ result: 'nothing yet' }))
  t.equal(textOf('text'), 'nothing yet')
})

t.test(
  'nothing is allowed that nobody was asked about, unless a decision is given',
  async (t: Test) => {
    const request = {
      subtype: 'can_use_tool',
      tool_name: 'Bash',
      tool_use_id: 't1',
      input: { a: 1 },
    }
    const question = { type: 'control_request', request_id: 'q', request }
    const { says, written } = setUp()
    says(question)
    t.match(written, [{ response: { request_id: 'q', response: { behavior: 'deny' } } }])
    const asked: unknown[] = []
    const free = setUp({
      decide: (one) => {
        asked.push(one)
        return { behavior: 'allow' }
      },
    })
    free.says(question)
    t.match(free.written, [{ response: { response: { behavior: 'allow' } } }])
    t.same(asked, [{ toolName: 'Bash', toolId: 't1', input: { a: 1 } }])
  },
)

t.test('a request that is not understood is refused, not left waiting', async (t: Test) => {
  const { says, written } = setUp()
  says({ type: 'control_request', request_id: 'q', request: { subtype: 'hook_callback' } })
  t.match(written, [{ response: { subtype: 'error', request_id: 'q' } }])
})

t.test('what is not understood is told in short: lines each time, kinds once', async (t: Test) => {
  const { driver, says, events } = setUp()
  driver.line(`oops ${'x'.repeat(1000)}`)
  driver.line('[1]')
  driver.line('   ')
  says({ type: 'new' }, { type: 'new' }, { type: 'toString' })
  says({ type: 'system', subtype: 'compact_boundary' }, { type: 'system', subtype: 'status' })
  const messages = events.map((event) => (event.type === 'diagnostic' ? event.message : '?'))
  t.equal(messages[0]?.length, 200)
  t.same(messages.slice(1), [
    'not a message: [1]',
    'message of type new',
    'message of type toString',
    'system message compact_boundary',
  ])
})

t.test('an input that nests too deeply to be sent on is left out', async (t: Test) => {
  const { driver, ofType } = setUp()
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  driver.line(JSON.stringify(whole('a', tool('t1', 'HERE'))).replace('"HERE"', deep))
  t.match(ofType('tool_use_input'), [{ input: '(nested too deeply)' }])
})

t.test('claude is started for one conversation that goes on', async (t: Test) => {
  const { claude } = createBackends()
  const launch = claude.launch('claude', {
    ...OPTIONS,
    model: 'sonnet',
    permissionMode: 'plan',
    allowedTools: ['Bash(git log:*)', 'Read'],
    systemPrompt: '- be brief',
    extraArgs: ['--effort', 'low'],
  })
  t.equal(launch.command, 'claude')
  t.same(launch.env, { ONLY: 'this' })
  t.equal(
    launch.args.join(' '),
    '-p --input-format stream-json --output-format stream-json --include-partial-messages --verbose --session-id native --model sonnet --permission-mode plan --append-system-prompt - be brief --allowedTools Bash(git log:*) Read --effort low',
  )
  const resumed = claude.launch('claude', { ...OPTIONS, resume: true })
  t.same(resumed.args.slice(-2), ['--resume', 'native'])
  const sneaky = { ...OPTIONS, allowedTools: ['--dangerously-skip-permissions'] }
  t.throws(() => claude.launch('claude', sneaky), { code: 'INVALID_PARAMS' })
})

t.test('claude is found by its version, or the reason is told', async (t: Test) => {
  const { claude } = createBackends({ claude: { command: '/opt/claude' } })
  const answers = { stdout: '2.1.330 (Claude Code)', exitCode: 0 }
  t.same(await claude.detect(async () => answers), {
    available: true,
    version: '2.1.330',
    command: '/opt/claude',
  })
  const missing = await claude.detect(async () => ({ missing: 'there is no command' }))
  t.same(missing, { available: false, reason: 'there is no command' })
  t.match(await claude.detect(async () => ({ stdout: '', exitCode: 1 })), { available: false })
})
