/** The Agent Client Protocol, line by line: what an agent says, and what is made of it. */
import fc from 'fast-check'
import t from 'tap'
import { GEMINI } from '../../agent-host/backends/acp-agents.ts'
import {
  chunk,
  permission,
  SESSION,
  setUpAcp,
  toolCall,
  toolUpdate,
  update,
} from '../support/acp-lines.ts'
import { isOrderly } from '../support/transcript-player.ts'

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

t.test('any JSON at all is survived, and tools and questions stay whole', async () => {
  const kinds = [
    'agent_message_chunk',
    'tool_call',
    'tool_call_update',
    'plan',
    'usage_update',
    'x',
  ]
  const keys = [
    'toolCallId',
    'status',
    'content',
    'rawInput',
    'rawOutput',
    'title',
    '_meta',
    'cost',
  ]
  const fields = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue(), { maxKeys: 5 })
  const call = fc.record({ toolCallId: fc.constantFrom('a', 'b') })
  const status = fc.constantFrom('pending', 'in_progress', 'completed', 'failed')
  const told = fc.record({ kind: fc.constantFrom(...kinds), fields, call, status })
  const steps = fc.oneof(told, fc.jsonValue(), fc.constantFrom('ask', 'interrupt', 'end', 'prompt'))
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (all) => {
      const { driver, events, says, updates, prompted, replies } = setUpAcp()
      prompted()
      let prompts = 1
      for (const [at, step] of all.entries()) {
        if (step === 'ask') says(permission(at, 'a'))
        else if (step === 'interrupt') driver.interrupt()
        else if (step === 'end') replies({ stopReason: 'end_turn' })
        else if (step === 'prompt' && events.at(-1)?.type === 'turn_end') {
          driver.prompt('go')
          prompts += 1
        } else if (isTold(step)) {
          updates({ ...step.fields, ...step.call, status: step.status, sessionUpdate: step.kind })
        } else driver.line(JSON.stringify(step))
      }
      driver.ended()
      return isOrderly(events, prompts)
    }),
  )
})

interface Told {
  readonly kind: string
  readonly fields: object
  readonly call: object
  readonly status: string
}

function isTold(step: unknown): step is Told {
  return typeof step === 'object' && step !== null && 'kind' in step && 'call' in step
}
