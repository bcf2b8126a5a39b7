/** How a conversation with an ACP agent begins, and its settings. */
import t from 'tap'
import { createAcp } from '../../agent-host/backends/acp.ts'
import { GEMINI, OPENCODE } from '../../agent-host/backends/acp-agents.ts'
import { CAPABLE, chunk, SESSION, setUpAcp, toolCall } from '../support/acp-lines.ts'
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
