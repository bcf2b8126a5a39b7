import t, { type Test } from 'tap'
import type { BackendEvent, StartOptions } from '../../agent-host/backends/backend.ts'
import { createCodex } from '../../agent-host/backends/codex.ts'
import { CodexDriver } from '../../agent-host/backends/codex-driver.ts'
import { eventsOf, said } from '../support/conversation.ts'
import { NO_CHILD } from '../support/driver-port.ts'

const OPTIONS: StartOptions = {
  session: 's',
  cwd: '/work',
  env: { ONLY: 'this' },
  nativeSessionId: 'native',
  resume: false,
}

type Message = Readonly<Record<string, unknown>>

/** A driver with its two ends open. */
function setUp(more: Partial<StartOptions> = {}) {
  const events: BackendEvent[] = []
  const written: Message[] = []
  let ids = 0
  const driver = new CodexDriver(
    { ...OPTIONS, ...more },
    {
      ...NO_CHILD,
      writeLine: (line) => written.push(JSON.parse(line)),
      emit: (event) => events.push(event),
      newId: () => `id-${++ids}`,
    },
  )
  const says = (...messages: Message[]): void => {
    for (const one of messages) driver.line(JSON.stringify(one))
  }
  const tells = (method: string, params: Message = {}): void => says({ method, params })
  return { driver, events, written, says, tells }
}

/** One whose thread has started; ids 0 and 1 are used. */
function ready(more: Partial<StartOptions> = {}) {
  const at = setUp(more)
  at.driver.started()
  at.says({ id: 0, result: {} }, { id: 1, result: { thread: { id: 'T' }, model: 'm' } })
  at.events.length = 0
  return at
}

/** One whose first turn runs. */
function running(more: Partial<StartOptions> = {}) {
  const at = ready(more)
  at.driver.prompt('go')
  at.says({ id: 2, result: { turn: { id: 'U' } } })
  at.tells('turn/started', { threadId: 'T', turn: { id: 'U' } })
  return at
}

const ended = (status: string, more: object = {}) => ({
  threadId: 'T',
  turn: { id: 'U', status, ...more },
})

t.test('the options of a session are said in the words of codex', async (t: Test) => {
  const { driver, written, says } = setUp({
    model: 'gpt',
    permissionMode: 'untrusted+read-only',
    systemPrompt: 'be brief',
    thinking: 'max',
  })
  driver.started()
  says({ id: 0, result: {} }, { id: 1, result: { thread: { id: 'T' } } })
  driver.prompt('go')
  t.match(written, [
    { id: 0, method: 'initialize', params: { clientInfo: { name: 'agentmq' } } },
    { method: 'initialized' },
    {
      id: 1,
      method: 'thread/start',
      params: {
        cwd: '/work',
        model: 'gpt',
        developerInstructions: 'be brief',
        approvalPolicy: 'untrusted',
        sandbox: 'read-only',
      },
    },
    { id: 2, method: 'turn/start', params: { threadId: 'T', effort: 'xhigh' } },
  ])
  t.strictSame(Object.keys(written[0] ?? {}), ['id', 'method', 'params'], 'no jsonrpc member')
})

t.test('what codex cannot do is refused before it starts', async (t: Test) => {
  const codex = createCodex()
  const launch = (more: Partial<StartOptions>) => () =>
    codex.launch('codex', { ...OPTIONS, ...more })
  for (const permissionMode of ['sometimes', 'never+untrusted', 'plan+never', '', 'toString']) {
    t.throws(launch({ permissionMode }), { code: 'INVALID_PARAMS' }, permissionMode)
  }
  t.throws(launch({ allowedTools: ['Bash'] }), { code: 'INVALID_PARAMS' })
  t.throws(launch({ maxTurns: 3 }), { code: 'INVALID_PARAMS' })
  for (const permissionMode of ['default', 'never', 'acceptEdits', 'on-request+workspace-write']) {
    t.doesNotThrow(launch({ permissionMode }), permissionMode)
  }
  t.strictSame(launch({ extraArgs: ['-c', 'a=1'] })(), {
    command: 'codex',
    args: ['app-server', '-c', 'a=1'],
    env: { ONLY: 'this' },
  })
})

t.test('a start that codex refuses is told, at either step', async (t: Test) => {
  const error = { code: -32600, message: 'no' }
  for (const answers of [
    [{ id: 0, error }],
    [
      { id: 0, result: {} },
      { id: 1, error },
    ],
  ]) {
    const { driver, says, events } = setUp()
    driver.started()
    says(...answers)
    t.match(events, [{ type: 'start_failed', message: 'no' }])
  }
  const { driver, says, events } = setUp()
  driver.started()
  says({ id: 0, result: {} }, { id: 1, result: { thread: {} } })
  t.match(events, [{ type: 'start_failed', message: /without an id/ }])
})

t.test('a turn that codex refuses has ended', async (t: Test) => {
  const { driver, says, events } = ready()
  driver.prompt('go')
  says({ id: 2, error: { code: -32600, message: 'thread not found' } })
  t.match(events, [
    { type: 'error', message: 'thread not found' },
    { type: 'turn_end', reason: 'error' },
  ])
})

t.test('an interrupt waits until the turn runs, and can be tried again', async (t: Test) => {
  const { driver, written, says, tells, events } = ready()
  driver.interrupt()
  driver.prompt('go')
  driver.interrupt()
  driver.interrupt()
  says({ id: 2, result: { turn: { id: 'U' } } })
  t.equal(written.length, 4, 'not yet')
  tells('turn/started', { threadId: 'T', turn: { id: 'U' } })
  const interrupt = { method: 'turn/interrupt', params: { threadId: 'T', turnId: 'U' } }
  t.match(written.slice(4), [interrupt])
  says({ id: 3, error: { code: -32600, message: 'not now' } })
  t.match(events, [{ type: 'diagnostic', message: /not now/ }])
  driver.interrupt()
  t.match(written.slice(5), [interrupt])
})

t.test('an item is told once, streamed or whole', async (t: Test) => {
  const { tells, events } = running()
  const delta = (itemId: string, piece: string) =>
    tells('item/agentMessage/delta', { threadId: 'T', itemId, delta: piece })
  const whole = (id: string, text: string) =>
    tells('item/completed', { threadId: 'T', item: { type: 'agentMessage', id, text } })
  delta('a', 'Hel')
  whole('a', 'Hello')
  whole('a', 'Hello')
  delta('a', ' late')
  whole('b', ' you')
  t.equal(said(events), 'Hello you')
  delta('c', 'x')
  whole('c', 'y')
  t.match(events.at(-1), { type: 'diagnostic', message: /differs/ })
})

t.test(
  'what is said again after a retry is told once; the reasoning before it stays',
  async (t) => {
    const { tells, events } = running()
    const delta = (of: string, itemId: string, piece: string) =>
      tells(`item/${of}`, { threadId: 'T', itemId, delta: piece })
    delta('reasoning/summaryTextDelta', 'r1', 'hm')
    tells('item/completed', {
      threadId: 'T',
      item: { type: 'reasoning', id: 'r1', summary: ['hm'] },
    })
    delta('agentMessage/delta', 'a', 'one two')
    tells('error', { threadId: 'T', willRetry: true, error: { message: 'again' } })
    delta('agentMessage/delta', 'b', 'one two three')
    t.equal(said(events), 'one two three')
    t.equal(said(events, 'thinking'), 'hm')
    t.match(eventsOf(events, 'error'), [{ message: 'again', retrying: true }])
  },
)

t.test('parts of a reasoning are set apart, and a whole one is not told again', async (t: Test) => {
  const { tells, events } = running()
  const part = () => tells('item/reasoning/summaryPartAdded', { threadId: 'T', itemId: 'r' })
  const delta = (piece: string) =>
    tells('item/reasoning/summaryTextDelta', { threadId: 'T', itemId: 'r', delta: piece })
  part()
  delta('one')
  part()
  delta('two')
  const item = { type: 'reasoning', id: 'r', summary: ['one', 'two'], content: [] }
  tells('item/completed', { threadId: 'T', item })
  t.equal(said(events, 'thinking'), 'one\n\ntwo')
})

t.test('tools of all kinds have a name, an input and a result', async (t: Test) => {
  const { tells, events } = running()
  const items = [
    { type: 'mcpToolCall', server: 's', tool: 't', arguments: { a: 1 }, status: 'completed' },
    { type: 'mcpToolCall', server: 's', tool: 'u', error: { message: 'broke' }, status: 'failed' },
    { type: 'webSearch', query: 'q' },
    { type: 'dynamicToolCall', tool: 'd', arguments: [], success: false, status: 'completed' },
    { type: 'commandExecution', command: 'false', exitCode: 1, status: 'failed' },
  ]
  items.forEach((item, at) => {
    const result = { content: [{ type: 'text', text: 'out' }] }
    tells('item/completed', { threadId: 'T', item: { result, ...item, id: `i${at}` } })
  })
  t.same(
    eventsOf(events, 'tool_use_start').map(({ toolName }) => toolName),
    ['s.t', 's.u', 'webSearch', 'd', 'commandExecution'],
  )
  t.match(eventsOf(events, 'tool_use_input')[0], { input: { a: 1 } })
  t.same(
    eventsOf(events, 'tool_result').map(({ result, isError }) => [result, isError]),
    [
      ['out', false],
      ['broke', true],
      ['', false],
      ['completed', true],
      ['failed', true],
    ],
  )
})

t.test('a permission is given as it was asked for, or not at all', async (t: Test) => {
  const method = 'item/permissions/requestApproval'
  const permissions = { network: { enabled: true }, fileSystem: null }
  const answers = [
    ['allow', { permissions: { network: { enabled: true } }, scope: 'turn' }],
    ['allow_always', { permissions: { network: { enabled: true } }, scope: 'session' }],
    ['deny', { permissions: {}, scope: 'turn' }],
  ] as const
  for (const [decision, result] of answers) {
    const { driver, says, events, written } = running()
    says({ id: 0, method, params: { threadId: 'T', itemId: 'i', permissions, reason: 'why' } })
    t.match(events, [{ type: 'approval', approval: 'id-1', title: 'why', input: { permissions } }])
    t.equal(driver.answer('id-1', { decision }), true)
    t.strictSame(written.at(-1), { id: 0, result })
  }
})

t.test('a question of a sub-agent is asked; what it says is not told', async (t: Test) => {
  const { says, tells, events } = running()
  tells('item/agentMessage/delta', { threadId: 'other', itemId: 'x', delta: 'inner' })
  tells('turn/completed', { threadId: 'other', turn: { id: 'V', status: 'completed' } })
  const method = 'item/commandExecution/requestApproval'
  says({ id: 9, method, params: { threadId: 'other', itemId: 'x', command: 'ls' } })
  t.match(events, [{ type: 'approval', toolId: 'x', input: { command: 'ls' } }])
  tells('serverRequest/resolved', { threadId: 'other', requestId: 9 })
  t.match(events.at(-1), { type: 'approval_withdrawn', reason: /no longer asks/ })
})

t.test('what nobody can give is refused and told once', async (t: Test) => {
  const { says, written, events } = running()
  const before = written.length
  for (const id of [0, 1]) says({ id, method: 'item/tool/requestUserInput', params: {} })
  t.match(written.slice(before), [
    { id: 0, error: { code: -32601 } },
    { id: 1, error: {} },
  ])
  t.match(events, [{ type: 'diagnostic', message: /requestUserInput/ }])
  t.equal(events.length, 1)
})

t.test('kinds of failures are told apart', async (t: Test) => {
  const failures = [
    [{ httpConnectionFailed: { httpStatusCode: 401 } }, 'auth'],
    [{ responseTooManyFailedAttempts: { httpStatusCode: 429 } }, 'rate_limit'],
    [{ httpConnectionFailed: { httpStatusCode: null } }, 'network'],
    [{ responseStreamDisconnected: { httpStatusCode: null } }, undefined],
    ['serverOverloaded', 'server'],
    ['modelNotFound', 'config'],
    ['toString', undefined],
    [null, undefined],
    [[], undefined],
  ] as const
  for (const [codexErrorInfo, kind] of failures) {
    const { tells, events } = running()
    const error = { message: 'm', codexErrorInfo }
    tells('error', { threadId: 'T', willRetry: false, error })
    tells('turn/completed', ended('failed', { error }))
    t.strictSame(events, [
      { type: 'error', message: 'm', ...(kind && { kind }) },
      { type: 'turn_end', reason: 'error' },
    ])
  }
})

t.test('a turn ends once, and with its own end', async (t: Test) => {
  const { driver, tells, events } = running()
  tells('turn/completed', { threadId: 'T', turn: { id: 'older', status: 'completed' } })
  t.same(eventsOf(events, 'turn_end'), [])
  tells('item/started', { threadId: 'T', item: { type: 'webSearch', id: 'w', query: 'q' } })
  driver.ended()
  driver.ended()
  tells('turn/completed', ended('completed'))
  t.match(events.slice(-2), [
    { type: 'tool_result', toolId: 'w', result: 'interrupted', isError: true },
    { type: 'turn_end', reason: 'gone' },
  ])
  t.equal(eventsOf(events, 'turn_end').length, 1)
})

t.test('what is not understood is told once a kind, and what is quiet not at all', async (t) => {
  const { driver, tells, events } = running()
  for (const method of ['new/thing', 'new/thing', 'toString', 'thread/status/changed'])
    tells(method)
  tells('item/completed', { threadId: 'T', item: { type: 'strange', id: 'x' } })
  driver.line(`oops ${'x'.repeat(1000)}`)
  const told = eventsOf(events, 'diagnostic').map(({ message }) => message)
  t.same(told.slice(0, 3), [
    'notification new/thing',
    'notification toString',
    'item of type strange',
  ])
  t.equal(told[3]?.length, 200)
  t.equal(told.length, 4)
})

t.test('a mode that codex does not have is refused', async (t: Test) => {
  const { driver, written } = ready()
  const refusals: (string | undefined)[] = []
  const set = (mode: string) => driver.setMode(mode, (refusal) => refusals.push(refusal))
  for (const mode of ['sometimes', 'default', 'read-only', 'never']) set(mode)
  t.match(refusals, [/no permission mode/, /cannot go back/, undefined, undefined])
  driver.prompt('go')
  t.match(written.at(-1), {
    params: { approvalPolicy: 'never', sandboxPolicy: { type: 'readOnly' } },
  })
})
