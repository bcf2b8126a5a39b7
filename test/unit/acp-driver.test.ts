/** The Agent Client Protocol, line by line: what an agent says, and what is made of it. */
import t from 'tap'
import { createAcp } from '../../agent-host/backends/acp.ts'
import { GEMINI, OPENCODE } from '../../agent-host/backends/acp-agents.ts'
import {
  CAPABLE,
  chunk,
  permission,
  SESSION,
  setUpAcp,
  toolCall,
  toolUpdate,
  update,
} from '../support/acp-lines.ts'
import { OPTIONS } from '../support/claude-lines.ts'

const CONFIG_OPTIONS = [
  {
    id: 'model',
    category: 'model',
    currentValue: 'm1',
    options: [{ value: 'm1' }, { value: 'm2' }],
  },
  { id: 'effort', category: 'thought_level', options: [{ value: 'low' }, { value: 'high' }] },
  { id: 'mode', category: 'mode', options: [{ value: 'build' }, { value: 'plan' }] },
]

t.test('a session is opened in steps, and the agent names it', (t) => {
  const { driver, written, events, replies } = setUpAcp()
  driver.started()
  t.match(written, [{ method: 'initialize', params: { protocolVersion: 1 } }])
  replies(CAPABLE)
  t.match(written[1], { method: 'session/new', params: { cwd: '/', mcpServers: [] } })
  t.same(events, [])
  replies({ sessionId: SESSION, configOptions: CONFIG_OPTIONS })
  t.same(events, [{ type: 'ready', nativeSessionId: SESSION, model: 'm1' }])
  driver.prompt('two\nlines')
  const prompt = [{ type: 'text', text: 'two\nlines' }]
  t.match(written[2], { method: 'session/prompt', params: { sessionId: SESSION, prompt } })
  t.end()
})

t.test('an earlier conversation is resumed, or loaded without being told again', (t) => {
  const start = { resume: true, nativeSessionId: SESSION }
  const resumed = setUpAcp(OPENCODE, start)
  resumed.driver.started()
  resumed.replies(CAPABLE)
  t.match(resumed.written[1], { method: 'session/resume', params: { sessionId: SESSION } })
  const loaded = setUpAcp(OPENCODE, start)
  loaded.driver.started()
  loaded.replies({ protocolVersion: 1, agentCapabilities: { loadSession: true } })
  t.match(loaded.written[1], { method: 'session/load', params: { sessionId: SESSION } })
  loaded.updates(chunk('a question', 'user_message_chunk'), chunk('old'), toolCall('old'))
  loaded.replies({})
  t.same(loaded.events, [{ type: 'ready', nativeSessionId: SESSION }])
  const usage = { sessionUpdate: 'usage_update', cost: { amount: 5, currency: 'USD' } }
  loaded.driver.prompt('go')
  loaded.updates(usage)
  loaded.replies({ stopReason: 'end_turn', usage: { inputTokens: 1, outputTokens: 2 } })
  t.same(loaded.ofType('usage'), [{ type: 'usage', inputTokens: 1, outputTokens: 2 }])
  t.end()
})

t.test('what keeps a session from opening is told in the words of the agent', (t) => {
  const cases: readonly [(one: ReturnType<typeof setUpAcp>) => void, RegExp][] = [
    [({ replies }) => replies({ protocolVersion: 2 }), /version 2 of the protocol/],
    [({ refuses }) => refuses(-32603, 'broken'), /^initialize: broken$/],
    [
      ({ replies, refuses }) => {
        replies(CAPABLE)
        refuses(-32603, 'Internal error', { details: 'no such session' })
      },
      /^session\/resume: Internal error \(no such session\)$/,
    ],
    [({ replies }) => replies({ protocolVersion: 1 }), /cannot go on/],
  ]
  for (const [say, message] of cases) {
    const one = setUpAcp(OPENCODE, { resume: true })
    one.driver.started()
    say(one)
    t.match(one.events, [{ type: 'start_failed', message }])
  }
  const gemini = setUpAcp(GEMINI, { resume: true })
  gemini.driver.started()
  gemini.replies(CAPABLE)
  t.match(gemini.events, [{ type: 'start_failed', message: /cannot go on/ }], 'whatever it says')
  const gone = setUpAcp()
  gone.driver.started()
  gone.driver.ended()
  t.same(gone.events, [], 'of one that has ended, its last words say more')
  t.end()
})

t.test('a login is used when it is wanted, once, and only where there is one', (t) => {
  const { driver, written, events, replies, refuses } = setUpAcp(GEMINI)
  driver.started()
  replies({ protocolVersion: 1 })
  refuses(-32000, 'Authentication required')
  t.match(written.at(-1), { method: 'authenticate', params: { methodId: 'gemini-api-key' } })
  replies({})
  t.match(written.at(-1), { method: 'session/new' })
  refuses(-32000, 'Authentication required')
  t.match(events, [{ type: 'start_failed', message: /Authentication required/ }])
  const without = setUpAcp(OPENCODE)
  without.driver.started()
  without.replies(CAPABLE)
  without.refuses(-32000, 'Authentication required')
  t.match(without.events, [{ type: 'start_failed' }])
  t.end()
})

t.test('settings are made before the session is ready, by modes or by options', (t) => {
  const wishes = { permissionMode: 'plan', model: 'm2', thinking: 'max' } as const
  const { driver, written, events, replies } = setUpAcp(OPENCODE, wishes)
  driver.started()
  replies(CAPABLE)
  replies({ sessionId: SESSION, configOptions: CONFIG_OPTIONS })
  for (const params of [
    { configId: 'model', value: 'm2' },
    { configId: 'effort', value: 'high' },
    { configId: 'mode', value: 'plan' },
  ]) {
    t.match(written.at(-1), { method: 'session/set_config_option', params })
    t.same(events, [])
    replies({})
  }
  t.match(events, [{ type: 'ready', model: 'm2' }])

  const offer = { availableModes: [{ id: 'plan' }, { id: 'yolo' }] }
  const gemini = setUpAcp(GEMINI, wishes)
  gemini.driver.started()
  gemini.replies(CAPABLE)
  gemini.replies({ sessionId: SESSION, modes: offer, models: { currentModelId: 'auto' } })
  t.match(gemini.written.at(-1), { method: 'session/set_model', params: { modelId: 'm2' } })
  gemini.replies({})
  t.match(gemini.written.at(-1), { method: 'session/set_mode', params: { modeId: 'plan' } })
  gemini.refuses(-32602, 'not today')
  t.match(gemini.events, [{ type: 'start_failed', message: 'session/set_mode: not today' }])

  const unknown = setUpAcp(OPENCODE, { permissionMode: 'yes' })
  unknown.driver.started()
  unknown.replies(CAPABLE)
  unknown.replies({ sessionId: SESSION, configOptions: CONFIG_OPTIONS })
  const message = 'permission_mode: there is no yes; the agent has build, plan'
  t.same(unknown.events, [{ type: 'start_failed', message }])
  t.end()
})

t.test('the mode of a live session is changed, or the refusal told', (t) => {
  const { driver, replies, refuses } = setUpAcp(GEMINI)
  const heard: (string | undefined)[] = []
  const done = (refusal: string | undefined) => heard.push(refusal)
  driver.setMode('plan', done)
  driver.started()
  replies(CAPABLE)
  replies({ sessionId: SESSION, modes: { availableModes: [{ id: 'plan' }] } })
  driver.setMode('plan', done)
  replies({})
  driver.setMode('plan', done)
  refuses(-32602, 'no')
  driver.setMode('other', done)
  driver.setMode('plan', done)
  driver.ended()
  t.same(heard, [
    'the session is not open yet',
    undefined,
    'session/set_mode: no',
    'permission_mode: there is no other; the agent has plan',
    'session/set_mode: the agent has ended',
  ])
  t.end()
})

t.test('settings that the protocol does not have are refused at once', (t) => {
  const backend = createAcp(OPENCODE)
  const code = 'INVALID_PARAMS'
  t.throws(() => backend.launch('opencode', { ...OPTIONS, systemPrompt: 'be kind' }), { code })
  t.throws(() => backend.launch('opencode', { ...OPTIONS, maxTurns: 3 }), { code })
  const gemini = createAcp(GEMINI).launch('/opt/gemini', { ...OPTIONS, extraArgs: ['--debug'] })
  t.same(gemini, {
    command: '/opt/gemini',
    args: ['--acp', '--debug'],
    env: { GEMINI_CLI_NO_RELAUNCH: 'true', ONLY: 'this' },
  })
  t.end()
})

t.test('text, thought, plan and cost of a turn', (t) => {
  const { events, updates, prompted, replies } = setUpAcp()
  prompted()
  const cost = (amount: number) => ({
    sessionUpdate: 'usage_update',
    cost: { amount, currency: 'USD' },
  })
  updates(
    chunk('hm', 'agent_thought_chunk'),
    chunk('hello'),
    { sessionUpdate: 'agent_message_chunk', content: { type: 'image', data: 'x' } },
    {
      sessionUpdate: 'plan',
      entries: [{ content: 'look', status: 'completed' }, { content: 'do' }],
    },
    { sessionUpdate: 'available_commands_update', availableCommands: [] },
    { sessionUpdate: 'new_kind' },
    { sessionUpdate: 'new_kind' },
    cost(0.5),
  )
  replies({ stopReason: 'end_turn', usage: { inputTokens: 3, outputTokens: 4 } })
  t.same(events, [
    { type: 'thinking', content: 'hm' },
    { type: 'text', content: 'hello' },
    { type: 'text', content: '[image]' },
    { type: 'thinking', content: 'Plan:\n- [x] look\n- [ ] do\n' },
    { type: 'diagnostic', message: 'update new_kind' },
    { type: 'usage', inputTokens: 3, outputTokens: 4, costUsd: 0.5 },
    { type: 'turn_end', reason: 'end_turn' },
  ])
  t.end()
})

t.test('what is said outside of a turn, or for another session, is no text', (t) => {
  const { events, updates, prompted, replies, says } = setUpAcp()
  prompted()
  const other = { ...update(chunk('other')), params: { sessionId: 'x', update: chunk('other') } }
  says(other)
  replies({ stopReason: 'end_turn' })
  updates(chunk('late'), chunk('later'), toolCall('t1'))
  t.same(events.slice(1), [
    { type: 'diagnostic', message: 'update agent_message_chunk outside of a turn' },
    { type: 'diagnostic', message: 'update tool_call outside of a turn' },
  ])
  t.end()
})

t.test('tool calls in the ways of the agents become start, input and result', (t) => {
  const open = { type: 'tool_use_start', toolId: 't', toolName: 'bash' }
  const input = (value: object) => ({ type: 'tool_use_input', toolId: 't', input: value })
  const result = (text: string, isError = false) => ({
    type: 'tool_result',
    toolId: 't',
    result: text,
    isError,
  })
  const content = (text: string) => [{ type: 'content', content: { type: 'text', text } }]
  const exit = (code: number | null) => ({ rawOutput: { output: 'o', metadata: { exit: code } } })
  const run = { rawInput: { command: 'ls' } }
  const cases: readonly [string, object[], object[]][] = [
    [
      'the input grows while the call is pending',
      [
        toolCall('t', { rawInput: { cwd: '/' } }),
        toolUpdate('t', 'in_progress', run),
        toolUpdate('t', 'completed', { content: content('out') }),
        toolUpdate('t', 'completed', { content: content('again') }),
      ],
      [open, input({ command: 'ls' }), result('out')],
    ],
    [
      'an exit code that is not 0 is an error of a completed call',
      [toolCall('t', run), toolUpdate('t', 'completed', exit(1))],
      [open, input({ command: 'ls' }), result('o', true)],
    ],
    [
      'an aborted command has none',
      [toolCall('t', run), toolUpdate('t', 'completed', exit(null))],
      [open, input({ command: 'ls' }), result('o', true)],
    ],
    [
      'no input is told: what people see stands for it',
      [
        toolCall('t', { title: 'bash', content: content('lists files') }),
        toolUpdate('t', 'failed'),
      ],
      [open, input({ title: 'bash', description: 'lists files' }), result('', true)],
    ],
    [
      'output is hidden in _meta',
      [
        toolCall('t', { ...run, content: [{ type: 'terminal', terminalId: 't' }] }),
        toolUpdate('t', 'completed', {
          _meta: { terminal_output_delta: { data: 'hi\n' }, terminal_exit: { exit_code: 0 } },
        }),
      ],
      [open, input({ command: 'ls' }), result('hi\n')],
    ],
    [
      'an update comes first',
      [toolUpdate('t', 'failed', { title: 'bash', content: content('outside'), ...run })],
      [open, input({ command: 'ls' }), result('outside', true)],
    ],
    ['nobody says how it ended', [toolCall('t', run)], [open, result('interrupted', true)]],
  ]
  for (const [what, told, expected] of cases) {
    const { events, updates, prompted, replies } = setUpAcp()
    prompted()
    updates(...told)
    replies({ stopReason: 'end_turn' })
    t.same(events, [...expected, { type: 'turn_end', reason: 'end_turn' }], what)
  }
  t.end()
})

t.test('a question is asked once and answered in the words of the agent', (t) => {
  for (const [decision, optionId] of [
    ['allow', 'once'],
    ['allow_always', 'always'],
    ['deny', 'no'],
  ] as const) {
    const { driver, events, written, says, prompted } = setUpAcp()
    prompted()
    const count = written.length
    says(permission(2, 't')) // the id of our own prompt as well
    t.match(events, [
      { type: 'tool_use_start', toolId: 't', toolName: 'touch it' },
      { type: 'tool_use_input', toolId: 't', input: { command: 'touch it' } },
      {
        type: 'approval',
        approval: 'question-1',
        toolId: 't',
        title: 'touch it',
        input: { command: 'touch it' },
        options: ['allow', 'allow_always', 'deny'],
      },
    ])
    t.equal(driver.answer('question-2', { decision }), false)
    t.equal(driver.answer('question-1', { decision }), true)
    t.equal(driver.answer('question-1', { decision }), false, 'only once')
    const outcome = { outcome: 'selected', optionId }
    t.same(written.slice(count), [{ jsonrpc: '2.0', id: 2, result: { outcome } }])
    says({ id: 2, result: { stopReason: 'end_turn' } })
    const told = decision === 'deny' ? 'denied' : 'interrupted'
    t.match(events.at(-2), { type: 'tool_result', result: told, isError: true })
    t.same(events.at(-1), { type: 'turn_end', reason: 'end_turn' })
  }
  t.end()
})

t.test('of an agent with few options, what it lacks is not offered, and a denial cancels', (t) => {
  const { driver, events, written, says, prompted } = setUpAcp()
  prompted()
  says(permission(0, 't', [{ optionId: 'ever', kind: 'allow_always' }]))
  t.match(events.at(-1), { options: ['allow_always', 'deny'] })
  t.equal(driver.answer('question-1', { decision: 'allow' }), false)
  t.equal(driver.answer('question-1', { decision: 'deny', interrupt: true }), true)
  t.match(written.slice(-2), [
    { id: 0, result: { outcome: { outcome: 'cancelled' } } },
    { method: 'session/cancel', params: { sessionId: SESSION } },
  ])
  t.end()
})

t.test('a tool that was allowed beforehand runs without a question', (t) => {
  const { events, written, says, prompted } = setUpAcp(GEMINI, { allowedTools: ['run_it'] })
  prompted()
  says(permission(0, 'run_it__1'), permission(1, 'other__2'))
  t.match(written.slice(-1), [{ id: 0, result: { outcome: { optionId: 'once' } } }])
  t.match(
    events.filter(({ type }) => type === 'approval'),
    [{ toolName: 'other' }],
  )
  t.end()
})

t.test('an interrupt is sent once, and takes back every question', (t) => {
  const { driver, events, written, says, prompted, replies } = setUpAcp()
  driver.interrupt()
  prompted()
  const prompt = written.at(-1)?.id ?? -1
  const count = written.length
  says(permission(0, 'a'), permission(1, 'b'))
  driver.interrupt()
  driver.interrupt()
  says(permission(2, 'c'))
  const cancelled = { result: { outcome: { outcome: 'cancelled' } } }
  t.match(written.slice(count), [
    { method: 'session/cancel' },
    { id: 0, ...cancelled },
    { id: 1, ...cancelled },
    { id: 2, ...cancelled },
  ])
  t.equal(driver.answer('question-1', { decision: 'allow' }), false)
  says({ id: prompt, result: { stopReason: 'cancelled' } })
  t.same(events.filter(({ type }) => type === 'approval_withdrawn').length, 2)
  t.same(events.at(-1), { type: 'turn_end', reason: 'interrupted' })
  driver.prompt('next')
  replies({ stopReason: 'end_turn' })
  t.same(events.at(-1), { type: 'turn_end', reason: 'end_turn' })
  t.end()
})

t.test('a question ends with its turn, by the agent itself, or with the process', (t) => {
  const withdrawn = (reason: string) => ({ type: 'approval_withdrawn', reason })
  const taken = setUpAcp()
  taken.prompted()
  taken.says(permission(7, 't'), { method: '$/cancel_request', params: { requestId: 7 } })
  t.match(taken.events.at(-1), withdrawn('the agent has taken it back'))
  const over = setUpAcp()
  over.prompted()
  const { id = -1 } = over.written.at(-1) ?? {}
  over.says(permission(7, 't'), { id, result: { stopReason: 'end_turn' } })
  t.match(over.events.at(-3), withdrawn('its turn has ended'))
  const gone = setUpAcp()
  gone.prompted()
  gone.says(permission(7, 't'))
  gone.driver.ended()
  t.match(gone.events.slice(-3), [
    withdrawn('the agent has ended'),
    { type: 'tool_result', result: 'interrupted' },
    { type: 'turn_end', reason: 'gone' },
  ])
  t.end()
})

t.test('the reasons and errors of a turn that ended are told apart', (t) => {
  for (const [stopReason, reason] of [
    ['max_tokens', 'max_tokens'],
    ['max_turn_requests', 'max_turns'],
    ['refusal', 'refusal'],
    ['cancelled', 'interrupted'],
    ['whatever', 'end_turn'],
  ]) {
    const { events, prompted, replies } = setUpAcp()
    prompted()
    replies({ stopReason })
    t.same(events.at(-1), { type: 'turn_end', reason })
  }
  const gemini = JSON.stringify({ error: { code: 401, message: 'fake 401' } })
  const errors: readonly [number, string, unknown, object][] = [
    [401, gemini, undefined, { kind: 'auth', message: 'fake 401' }],
    [429, 'x', undefined, { kind: 'rate_limit' }],
    [-32000, 'Authentication required', undefined, { kind: 'auth' }],
    [-32603, 'Internal error: fake 401', { service: 'session' }, { kind: 'auth' }],
    [-32603, 'no', { errorKind: 'rate_limit' }, { kind: 'rate_limit' }],
    [-32603, 'no', { errorKind: 'server_error' }, { kind: 'server' }],
    [-32603, 'Internal error', { details: 'why' }, { message: 'Internal error: why' }],
  ]
  for (const [code, message, data, expected] of errors) {
    const { events, prompted, refuses } = setUpAcp()
    prompted()
    refuses(code, message, data)
    t.match(events, [
      { type: 'error', ...expected },
      { type: 'turn_end', reason: 'error' },
    ])
  }
  const cancelled = setUpAcp()
  cancelled.prompted()
  const { id = -1 } = cancelled.written.at(-1) ?? {}
  cancelled.driver.interrupt()
  cancelled.says({ id, error: { code: -32603, message: 'aborted' } })
  t.same(cancelled.events, [{ type: 'turn_end', reason: 'interrupted' }], 'as it was asked to')
  t.end()
})

t.test('files and terminals of ours are refused, not left waiting', (t) => {
  const { written, says, prompted } = setUpAcp()
  prompted()
  says(
    { id: 0, method: 'fs/write_text_file', params: { sessionId: SESSION } },
    { id: 1, method: 'terminal/create', params: { sessionId: SESSION } },
  )
  t.match(written.slice(-2), [
    { id: 0, error: { code: -32601 } },
    { id: 1, error: { code: -32601 } },
  ])
  t.end()
})
