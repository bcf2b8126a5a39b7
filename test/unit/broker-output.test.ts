/** output.query: lines out of chunks that end anywhere, found piece by piece. */
import fc from 'fast-check'
import t from 'tap'
import { MAX_LINE_LENGTH } from '../../broker/core/output-lines.ts'
import type { Params, Result } from '../../protocol/methods/index.ts'
import { type Client, withSession } from '../support/core-peers.ts'

type Query = Omit<Params<'output.query'>, 'session'>
type Lines = Result<'output.query'>['lines']

/** Asks on and on until all is looked through. */
function all(client: Client, session: string, query: Query = {}): Lines {
  const lines: Lines = []
  let cursor = query.cursor ?? '1'
  for (let asked = 0; asked < 10_000; asked += 1) {
    const answer = client.call('output.query', { session, ...query, cursor })
    lines.push(...answer.lines)
    if (answer.done) return lines
    if (answer.cursor === cursor) throw new Error(`stuck at ${cursor}`)
    cursor = answer.cursor
  }
  throw new Error('no end')
}

const texts = (lines: Lines) => lines.map(({ text }) => text)

function written(pieces: readonly string[]) {
  const setting = withSession()
  for (const content of pieces) setting.host.append(setting.session, 'text', { content })
  setting.harness.settle()
  return setting
}

t.test('lines are whole, whatever the pieces were and however few are asked for at once', (t) => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é', '😀'), maxLength: 60 })
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      (pieces, limit) => {
        const { client, session } = written(pieces)
        const expected = pieces
          .join('')
          .split('\n')
          .filter((line) => line !== '')
        const found = texts(all(client, session, { limit })).filter((line) => line !== '')
        t.strictSame(found, expected)
      },
    ),
    { numRuns: 60 },
  )
  t.end()
})

t.test('answer, diagnostics and tool results are told apart', (t) => {
  const { harness, client, host, session } = withSession()
  host.append(session, 'text', { content: 'one\ntw' })
  host.append(session, 'stderr', { content: 'warning' })
  host.append(session, 'text', { content: 'o' })
  host.append(session, 'tool_result', { tool_id: 'x', result: 'a\nb\n', is_error: false })
  host.append(session, 'text', { content: 'three' })
  harness.settle()
  t.strictSame(
    all(client, session).map(({ stream, text }) => [stream, text]),
    [
      ['stdout', 'one'],
      ['stderr', 'warning'],
      ['stdout', 'two'],
      ['tool', 'a'],
      ['tool', 'b'],
      ['stdout', 'three'],
    ],
  )
  t.strictSame(texts(all(client, session, { streams: ['tool', 'stderr'] })), ['warning', 'a', 'b'])
  t.end()
})

t.test('chunks of a host that are none of their type have no lines', (t) => {
  const { client, host, session } = withSession()
  const none = (body: unknown) => body as never
  host.append(session, 'text', { content: 'one\n' })
  host.append(session, 'text', none({}))
  host.append(session, 'text', none({ content: 7 }))
  host.append(session, 'stderr', none('no map'))
  host.append(session, 'tool_result', none({ tool_id: 't', result: ['x'], is_error: false }))
  host.append(session, 'text', { content: 'two' })
  t.strictSame(texts(all(client, session)), ['one', 'two'])
  t.end()
})

t.test('a pattern is looked for in each line, with offset and limit', (t) => {
  const numbers = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`)
  const { client, session } = written(numbers)
  const fit = Array.from({ length: 5000 }, (_, index) => index).filter((n) => `${n}`.includes('77'))
  t.strictSame(
    texts(all(client, session, { pattern: '7{2}' })),
    fit.map((n) => `line ${n}`),
  )
  t.strictSame(texts(all(client, session, { pattern: 'LINE 12$' })), [])
  t.strictSame(texts(all(client, session, { pattern: 'LINE 12$', ignore_case: true })), ['line 12'])
  const page = client.call('output.query', { session, pattern: '^line 1', offset: 2, limit: 2 })
  t.strictSame(texts(page.lines), ['line 11', 'line 12'])
  t.match(page, { skipped: 2, done: false })
  const next = client.call('output.query', {
    session,
    pattern: '^line 1',
    cursor: page.cursor,
    limit: 1,
  })
  t.strictSame(texts(next.lines), ['line 13'])
  t.end()
})

t.test('a pattern that would take for ever elsewhere is matched in linear time', (t) => {
  const { client, session } = written([`${'a'.repeat(MAX_LINE_LENGTH - 1)}b\n`])
  t.strictSame(all(client, session, { pattern: '^(a+)+$' }), [])
  for (const pattern of ['(', '(?=a)', '(a)\\1', 'a{2000}']) {
    const failure = client.failure('output.query', { session, pattern })
    t.match(failure, { code: 'INVALID_PARAMS', message: /pattern/ }, pattern)
  }
  t.end()
})

t.test('a line that does not end is given in pieces', (t) => {
  const long = 'x'.repeat(MAX_LINE_LENGTH * 3 + 7)
  const { client, session } = written([long.slice(0, 50_000), long.slice(50_000), '\nend'])
  const lines = all(client, session)
  t.equal(lines.filter(({ cut }) => cut).length, 3)
  t.equal(texts(lines).join(''), `${long}end`)
  const drops = written(Array.from({ length: 2500 }, () => 'y'))
  t.equal(texts(all(drops.client, drops.session)).join(''), 'y'.repeat(2500))
  t.end()
})
