/** What lines of a CLI mean on the chat stream, to the old daemon and here, as the runner of cases has it. */
import t from 'tap'
import { chunksOf, legacyChunksOf } from '../conformance/legacy/chat-lines.ts'
import { DIFFERENCES } from '../conformance/legacy/differences.ts'
import { withWholeTexts } from '../conformance/legacy/expectation.ts'
import { parseVectors } from '../conformance/legacy/vector.ts'

const assistant = (...content: object[]) =>
  JSON.stringify({ type: 'assistant', message: { content } })
const text = (content: string) => ({ type: 'text', text: content })
const tool = { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } }
const toolResult = JSON.stringify({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: 't1', content: [text('out')] }] },
})
const piece = (delta: object) => JSON.stringify({ type: 'content_block_delta', delta })
const result = (more: object) => JSON.stringify({ type: 'result', is_error: false, ...more })
const started = { type: 'tool_use_start', tool_name: 'Bash', tool_id: 't1' }
const given = { type: 'tool_use_input', tool_id: 't1', input: { command: 'ls' } }
const said = (content: string) => ({ type: 'text', content })
const END = { type: 'turn_complete', turn_number: 1 }

t.test('the old daemon ended a turn with every message', async (t) => {
  const end = { type: 'turn_complete', turn_number: 0 }
  const lines = [assistant(text('a'), tool), toolResult, '', '{', assistant(text('b'))]
  const complete = { type: 'complete', exit_code: 0 }
  t.same(legacyChunksOf(lines), [said('a'), started, given, end, said('b'), end, complete])
  t.same(legacyChunksOf([result({ is_error: true, result: 'why' })]), [
    { type: 'error', message: 'Unknown error' },
    complete,
  ])
})

t.test('here a turn ends once, and nothing of it is lost', async (t) => {
  const settled = { type: 'tool_result', tool_id: 't1', result: 'out', is_error: false }
  const whole = [assistant(text('a'), tool), toolResult, assistant(text('b')), result({})]
  t.same(chunksOf(whole), [said('a'), started, given, settled, said('b'), END])
  t.same(chunksOf([toolResult]), [settled, END], 'of a call that was never told')
  const open = { type: 'tool_result', tool_id: 't1', result: 'interrupted', is_error: true }
  t.same(chunksOf([assistant(tool)]), [started, given, open, END])
  t.same(chunksOf([result({ is_error: true, result: 'why' })]), [
    { type: 'error', message: 'why' },
    END,
  ])
  t.same(chunksOf([result({ result: 'only here' })]), [said('only here'), END])
  t.same(chunksOf([result({}), assistant(text('late'))]), [END, said('late')])
  t.same(chunksOf([piece({ text: 'ab' }), piece({ text: 'c' }), assistant(text('abcd'))]), [
    said('abcd'),
    END,
  ])
})

t.test(
  'the difference applies to what the old daemon made of the lines, and to nothing else',
  async (t) => {
    const rule = DIFFERENCES.find(({ defect }) => defect === 'D-50')
    const instead = (frames: string[]) => {
      const send = { stdout_lines: [assistant(text('a'))] }
      const line = {
        id: 'a',
        transport: 'pub',
        send,
        expect: { frames },
        setup: 'fake claude exits 7',
      }
      const [vector] = parseVectors(JSON.stringify(line))
      return vector && rule?.instead(vector.expect, vector)
    }
    const frames = [
      said('a'),
      { type: 'turn_complete', turn_number: 0 },
      { type: 'complete', exit_code: 0 },
    ]
    const texts = frames.map((chunk) => `chat/<uuid> ${JSON.stringify(chunk)}`)
    t.match(instead(texts), { match: [said('a'), END, { type: 'complete', exit_code: 7 }] })
    t.equal(instead(texts.slice(1)), undefined)
    t.equal(instead(texts.toReversed()), undefined)
  },
)

t.test('where a text is cut says nothing', async (t) => {
  const frame = (chunk: object) => `chat/x ${JSON.stringify(chunk)}`
  const frames = [said('a'), said('b'), started, said('c')].map(frame)
  const whole = [said('ab'), started, said('c')].map(frame)
  t.same(withWholeTexts({ frames }).frames, whole)
  t.same(withWholeTexts({ status: 200 }), { status: 200 })
})
