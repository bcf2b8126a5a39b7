/** What people see of a stream. */
import t from 'tap'
import { replyOf } from '../../clients/cli/chat/approver.ts'
import { questionText } from '../../clients/cli/render/approval-lines.ts'
import { ChunkRenderer, type RenderOptions } from '../../clients/cli/render/chunk-renderer.ts'
import { displayWidth, truncate } from '../../clients/cli/render/display-width.ts'
import { duration } from '../../clients/cli/render/durations.ts'
import { safeText } from '../../clients/cli/render/safe-text.ts'
import { stylesFor } from '../../clients/cli/render/style.ts'
import { type Column, table } from '../../clients/cli/render/table.ts'
import type { StreamItem } from '../../clients/sdk/index.ts'
import type { Chunk } from '../../protocol/messages/chunk.ts'

const PLAIN: RenderOptions = {
  style: stylesFor(false),
  isTerminal: false,
  thinking: true,
  tools: true,
  prompts: true,
  statuses: false,
}
const TERMINAL: RenderOptions = { ...PLAIN, style: stylesFor(true), isTerminal: true }

/** Chunks of one turn, 100 ms apart. */
function rendered(chunks: readonly Chunk[], options: RenderOptions = PLAIN): string {
  const renderer = new ChunkRenderer(options)
  return chunks
    .map((chunk, index) => ({ ...chunk, seq: index + 1, time: index * 100, turn: 1 }))
    .map((item: StreamItem) => renderer.render(item))
    .join('')
}

const text = (content: string): Chunk => ({ type: 'text', content })
const thinking = (content: string): Chunk => ({ type: 'thinking', content })
const call = (tool_id: string, tool_name: string, input: unknown): Chunk[] => [
  { type: 'tool_use_start', tool_id, tool_name },
  { type: 'tool_use_input', tool_id, input },
]
const result = (tool_id: string, value: string, is_error = false): Chunk => ({
  type: 'tool_result',
  tool_id,
  result: value,
  is_error,
})
const end = (reason: 'end_turn' | 'interrupted' = 'end_turn'): Chunk => ({
  type: 'turn_complete',
  turn_number: 1,
  reason,
})

t.test('pieces of text are joined as they came', async (t) => {
  t.equal(rendered([text('one '), text('two\n'), text('three')]), 'one two\nthree')
})

t.test('reasoning and answer stand on lines of their own', async (t) => {
  t.equal(rendered([thinking('hm '), thinking('yes'), text('Hello')]), '✻ hm yes\nHello')
})

t.test('reasoning is left out when nobody wants it', async (t) => {
  t.equal(rendered([thinking('hm'), text('Hello')], { ...PLAIN, thinking: false }), 'Hello')
})

t.test('reasoning is dimmed on a terminal', async (t) => {
  t.equal(rendered([thinking('hm')], TERMINAL), '\u001b[2m✻ hm\u001b[22m')
})

t.test('a tool call is one line, its result is indented below', async (t) => {
  const shown = rendered([
    text('Look:'),
    ...call('1', 'Bash', { command: 'ls' }),
    result('1', 'a\nb'),
  ])
  t.equal(shown, 'Look:\n⚙ Bash {"command":"ls"}\n  ↳ a\n    b\n')
})

t.test('a long result is shortened and says by how much', async (t) => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n')
  const shown = rendered([...call('1', 'Read', {}), result('1', lines)])
  t.match(shown, '… 12 more lines')
  t.notMatch(shown, 'line 8')
})

t.test('a result that does not follow its call names its tool', async (t) => {
  const shown = rendered([
    ...call('1', 'Read', {}),
    ...call('2', 'Grep', {}),
    result('1', 'one'),
    result('2', 'two'),
  ])
  t.match(shown, '  ↳ Read: one\n  ↳ two\n')
})

t.test('a failed result is marked', async (t) => {
  t.match(rendered([...call('1', 'Bash', {}), result('1', 'no such file', true)]), '  ✗ no such')
})

t.test('a call whose input never came is shown before the turn ends', async (t) => {
  const [start] = call('1', 'Bash', {})
  t.match(
    rendered([...(start ? [start] : []), end('interrupted')]),
    /⚙ Bash\n── turn 1 .*interrupted/,
  )
})

t.test('the end of a turn tells its time and its usage', async (t) => {
  const usage: Chunk = { type: 'usage', input_tokens: 12, output_tokens: 34, cost_usd: 0.5 }
  const shown = rendered([text('Hi'), usage, end()])
  t.equal(shown, 'Hi\n── turn 1 · 200 ms · 12 in, 34 out · $0.5000 ──\n\n')
})

t.test('prompts, errors, gaps and the end of the agent are lines', async (t) => {
  const shown = rendered([
    { type: 'prompt', text: 'first\nsecond', principal: 'local' },
    { type: 'error', message: 'API down', retrying: true },
    { type: 'stderr', content: 'warning' },
    { type: 'complete', exit_code: 3, session_id: 's' },
  ])
  t.equal(
    shown,
    '› first\n  second\n✗ API down (trying again)\nstderr: warning\n· the agent has ended: exit code 3\n',
  )
  const renderer = new ChunkRenderer(PLAIN)
  const gap = renderer.render({ type: 'gap', from: 2, to: 9, reason: 'retention' })
  t.equal(gap, '… chunks 2 to 9 are gone (retention)\n')
})

t.test('a chunk of a newer version is told, not dropped', async (t) => {
  const renderer = new ChunkRenderer(PLAIN)
  const item: StreamItem = {
    type: 'unknown',
    seq: 1,
    time: 0,
    turn: 1,
    code: 77,
    body: {},
    reason: '',
  }
  t.match(renderer.render(item), 'type 77')
})

t.test('changes of status are shown where they matter', async (t) => {
  const idle: Chunk = { type: 'status', status: 'idle' }
  const lost: Chunk = { type: 'status', status: 'lost', reason: 'host away' }
  t.equal(rendered([idle, lost]), '· session lost: host away\n')
  t.match(rendered([idle], { ...PLAIN, statuses: true }), '· session idle')
})

t.test('control characters of an agent do nothing to a terminal', async (t) => {
  const evil = '\u001b]0;title\u0007\u001b[2J\u009b31m\u007f\b\r\nok\ttab'
  const shown = rendered([text(evil)], { ...TERMINAL, style: stylesFor(false) })
  t.equal(shown, '␛]0;title␇␛[2J\ufffd31m␡␈\nok\ttab')
  t.equal(rendered([text(evil)]), evil, 'a file gets what came')
})

t.test('tool names, inputs and results are made harmless as well', async (t) => {
  const shown = rendered(
    [...call('1', 'Ba\u001bsh', { x: '\u001b[2J' }), result('1', '\u001b[31m')],
    { ...TERMINAL, style: stylesFor(false) },
  )
  t.notMatch(shown, '\u001b')
})

t.test('escapes cut in two by the stream are harmless too', async (t) => {
  t.equal(safeText('\u001b') + safeText('[2J'), '␛[2J')
})

t.test('widths count columns, not characters', async (t) => {
  t.equal(displayWidth('abc'), 3)
  t.equal(displayWidth('日本'), 4)
  t.equal(displayWidth('e\u0301'), 1)
  t.equal(displayWidth('👩‍👩‍👧'), 2)
  t.equal(truncate('日本語', 5), '日本…')
})

interface Row {
  readonly name: string
  readonly count: string
  readonly text: string
}
const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', value: (row) => row.name },
  { title: 'N', value: (row) => row.count, align: 'right' },
  { title: 'TEXT', value: (row) => row.text },
]

t.test(
  'a table is as wide as its content, and its last column as wide as the terminal',
  async (t) => {
    const rows = [
      { name: '日本', count: '1', text: 'a long text that does not fit' },
      { name: 'x', count: '23', text: '' },
    ]
    t.same(table(COLUMNS, rows, { columns: 24, style: stylesFor(false) }), [
      'NAME   N  TEXT',
      '日本   1  a long text t…',
      'x     23  -',
    ])
  },
)

t.test('a cell cannot break its line', async (t) => {
  const [, line = ''] = table(COLUMNS, [{ name: 'a\nb', count: '1', text: '\u001b[2J' }], {
    columns: 80,
    style: stylesFor(false),
  })
  t.equal(line, 'a b   1  ␛[2J')
})

t.test('times are for people', async (t) => {
  const shown = [0, 340, 2100, 59_000, 300_000, 7_200_000, 400_000_000].map(duration)
  t.same(shown, ['0 ms', '340 ms', '2.1 s', '59 s', '5 min', '2 h', '4 d'])
})

t.test('a question and its end are a line each', async (t) => {
  const approval = '1f3a9c2e-0000-4000-8000-000000000000'
  const asked: Chunk = {
    ...{ type: 'approval_request', approval, tool_id: 't', tool_name: 'Bash' },
    ...{ input: { command: 'touch x' }, options: ['allow', 'deny'] },
  }
  const settled = (
    outcome: 'allow' | 'deny' | 'withdrawn',
    by: string,
    reason?: string,
  ): Chunk => ({
    ...{ type: 'approval_settled', approval, outcome, by },
    ...(reason !== undefined && { reason }),
  })
  const lines = [asked, settled('allow', 'anna'), settled('deny', 'bob', 'no\u001b[2J')]
  t.equal(
    rendered([text('hm'), ...lines, settled('withdrawn', '', 'the turn ended')]),
    [
      'hm',
      '? Bash: touch x (approval 1f3a9c2e)',
      '✓ allowed by anna (approval 1f3a9c2e)',
      '✗ denied by bob: no␛[2J (approval 1f3a9c2e)',
      '· withdrawn: the turn ended (approval 1f3a9c2e)',
      '',
    ].join('\n'),
  )
})

t.test('a question shows all that would be run, in one line', async (t) => {
  const shown = (input: unknown) => questionText({ tool_name: 'Bash', input })
  t.equal(shown({ command: 'rm -r\nx', description: 'harmless' }), 'Bash: rm -r x')
  t.equal(shown({ command: 'ls', unsafe: true }), 'Bash: {"command":"ls","unsafe":true}')
  t.equal(shown({}), 'Bash: {}')
  t.equal(questionText({ tool_name: 'Write', title: 'a large file' }), 'Write: a large file')
})

t.test('what is typed at a question is an answer, or is asked again', async (t) => {
  const all = ['allow', 'allow_always', 'deny'] as const
  t.same(replyOf(' Y ', all), { decision: 'allow' })
  t.same(replyOf('always', all), { decision: 'allow_always' })
  t.same(replyOf('n', all), { decision: 'deny' })
  t.same(replyOf('no, use trash', all), { decision: 'deny', message: 'use trash' })
  t.equal(replyOf('a', ['allow', 'deny']), undefined, 'it was not offered')
  t.equal(replyOf('yes but carefully', all), undefined)
  t.equal(replyOf('', all), undefined)
  t.equal(replyOf('constructor', all), undefined)
})
