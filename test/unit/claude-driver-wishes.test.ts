import t, { type Test } from 'tap'
import { result, setUp, tool, toolResult, whole } from '../support/claude-lines.ts'

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
  'a system prompt goes in by stdin, and a CLI that refuses it has failed',
  async (t: Test) => {
    const { driver, events, written, says } = setUp({ systemPrompt: '- be brief' })
    driver.started()
    t.match(written, [{ request: { subtype: 'initialize', appendSystemPrompt: '- be brief' } }])
    const response = { subtype: 'error', request_id: 'id-1', error: 'unsupported' }
    says({ type: 'control_response', response })
    t.match(events.slice(1), [{ type: 'start_failed', message: /no system prompt: unsupported/ }])
  },
)

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

t.test('a result of a call that was never told is told once', async (t) => {
  const { driver, says, events, ofType } = setUp()
  driver.prompt('go')
  says(toolResult('t9', 'ok'), toolResult('t9', 'again'))
  const stray = { type: 'tool_result', toolId: 't9', result: 'ok', isError: false }
  t.same(ofType('tool_result'), [stray])
  says(whole('a', tool('t1')), result(), toolResult('t1', 'late'))
  t.same(events.filter(({ type }) => type === 'tool_result').slice(1), [
    { type: 'tool_result', toolId: 't1', result: 'interrupted', isError: true },
  ])
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

const ask = (id: string, more: object = {}) => ({
  type: 'control_request',
  request_id: id,
  request: {
    subtype: 'can_use_tool',
    tool_name: 'Bash',
    tool_use_id: 't1',
    input: { a: 1 },
    ...more,
  },
})
const rule = { type: 'addRules', rules: [{ toolName: 'Bash', ruleContent: 'touch x' }] }
const mode = { type: 'setMode', mode: 'acceptEdits' }

t.test('a question is passed on, and answered once, in the words of the CLI', async (t: Test) => {
  const { driver, says, events, written } = setUp()
  says(ask('q', { description: 'touch x', permission_suggestions: [rule, mode] }))
  t.same(events, [
    {
      ...{ type: 'approval', approval: 'id-1', toolId: 't1', toolName: 'Bash', input: { a: 1 } },
      ...{ title: 'touch x', options: ['allow', 'allow_always', 'deny'] },
    },
  ])
  t.same(written, [], 'nothing is said before somebody has decided')
  t.equal(driver.answer('other', { decision: 'allow' }), false)
  t.equal(driver.answer('id-1', { decision: 'allow' }), true)
  t.equal(driver.answer('id-1', { decision: 'deny' }), false)
  const response = { behavior: 'allow', updatedInput: { a: 1 } }
  t.same(written, [
    { type: 'control_response', response: { subtype: 'success', request_id: 'q', response } },
  ])
})

t.test('always means the rules for the like, and what there is when there are none', async (t) => {
  const always = (suggestions: readonly object[]) => {
    const { driver, says, written } = setUp()
    says(ask('q', { permission_suggestions: suggestions }))
    driver.answer('id-1', { decision: 'allow_always' })
    return written
  }
  const told = (updatedPermissions: readonly object[]) => [
    { response: { response: { behavior: 'allow', updatedInput: { a: 1 }, updatedPermissions } } },
  ]
  t.match(always([mode, rule]), told([rule]))
  t.match(always([mode]), told([mode]))
  const { says, events } = setUp()
  says(ask('q'))
  t.match(events, [{ options: ['allow', 'deny'] }], 'and is not offered when nothing was suggested')
})

t.test('a denial tells the model why, and can end the turn', async (t: Test) => {
  const { driver, says, written } = setUp()
  says(ask('q1'), ask('q2'), ask('q3'))
  driver.answer('id-1', { decision: 'deny' })
  driver.answer('id-2', { decision: 'deny', message: 'use trash' })
  driver.answer('id-3', { decision: 'deny', message: 'stop', interrupt: true })
  const answers = written.map(({ response }) => (response as { response: object }).response)
  t.match(answers[0], { behavior: 'deny', message: /does not want/ })
  t.same(answers[1], { behavior: 'deny', message: 'use trash' })
  t.same(answers[2], { behavior: 'deny', message: 'stop', interrupt: true })
})

t.test('a question is withdrawn by the CLI, and by the end of its turn', async (t: Test) => {
  const { driver, says, ofType, events } = setUp()
  driver.prompt('go')
  says(ask('q1'), ask('q2'), { type: 'control_cancel_request', request_id: 'q1' })
  t.match(ofType('approval_withdrawn'), [{ approval: 'id-1' }])
  says(result())
  t.match(events.slice(-2), [
    { type: 'approval_withdrawn', approval: 'id-2' },
    { type: 'turn_end' },
  ])
  t.equal(driver.answer('id-2', { decision: 'allow' }), false)
})

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
