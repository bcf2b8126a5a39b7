import t, { type Test } from 'tap'
import {
  delta,
  setUp,
  start,
  stop,
  text,
  tool,
  toolResult,
  whole,
} from '../support/claude-lines.ts'

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
  'blocks before the abandoned ones stay, and the same words later are new',
  async (t: Test) => {
    const { says, textOf } = setUp()
    says(start('a'), delta('kept ', 0), delta('again ', 1), stop(1))
    says(start('b'), delta('again ', 0), stop(), start('c'), delta('again '), stop())
    t.equal(textOf('text'), 'kept again again ')
  },
)

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

t.test('messages without ids are not taken for each other', async (t: Test) => {
  const { says, textOf, ofType } = setUp()
  const unnamed = (...content: object[]) => ({ type: 'assistant', message: { content } })
  says({ type: 'content_block_delta', delta: { text: 'one' } }, unnamed(text('two')))
  t.equal(textOf('text'), 'onetwo')
  says(unnamed({ type: 'tool_use', name: 'Bash' }))
  t.same(ofType('tool_use_start'), [{ type: 'tool_use_start', toolId: '', toolName: 'Bash' }])
  t.same(ofType('tool_use_input'), [], 'none was given')
})
