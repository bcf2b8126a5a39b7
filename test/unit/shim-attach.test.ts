/** The parts of the attach sockets that need no socket. */
import fc from 'fast-check'
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import {
  encodeFrame,
  type Frame,
  FrameReader,
  MAX_FRAME_BYTES,
  MAX_HANDSHAKE_BYTES,
} from '../../clients/shim/attach/frames.ts'
import { readHello } from '../../clients/shim/attach/handshake.ts'
import { History, MAX_HISTORY_BYTES, MAX_HISTORY_LINES } from '../../clients/shim/attach/history.ts'
import type { KeyStore } from '../../clients/shim/attach/key-store.ts'
import { LineAssembler } from '../../clients/shim/attach/output-lines.ts'
import { StdinLines } from '../../clients/shim/attach/stdin-lines.ts'
import { AttachTokens } from '../../clients/shim/attach/tokens.ts'
import type { JsonObject } from '../../protocol/json.ts'

const frames = fc.array(
  fc.record({
    type: fc.string(),
    payload: fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value))),
    seq: fc.nat(),
  }),
  { maxLength: 5 },
)

t.test('frames come out as they went in, however they are cut', async (t) => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 9 })), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(encodeFrame))
      const reader = new FrameReader()
      const got: Frame[] = []
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = cuts[turn % Math.max(1, cuts.length)] ?? bytes.length
        got.push(...reader.take(bytes.subarray(at, at + size)))
        at += size
      }
      t.same(got, sent)
    }),
  )
})

t.test('what is no frame is told', async (t) => {
  const framed = (text: string): Buffer => {
    const bytes = Buffer.alloc(4 + Buffer.byteLength(text))
    bytes.writeUInt32BE(Buffer.byteLength(text))
    bytes.write(text, 4)
    return bytes
  }
  for (const text of [
    '',
    '{',
    '[]',
    '7',
    '{"payload":{}}',
    '{"type":"ping"}',
    '{"type":1,"payload":1}',
  ]) {
    t.throws(() => new FrameReader().take(framed(text)), { name: 'BadFrame' }, text)
  }
  const length = Buffer.alloc(4)
  length.writeUInt32BE(MAX_HANDSHAKE_BYTES + 1)
  t.throws(() => new FrameReader().take(length), /exceeds the limit of 65536/)
  const trusted = new FrameReader()
  trusted.limit = MAX_FRAME_BYTES
  t.same(trusted.take(length), [], 'who is known may send more')
  length.writeUInt32BE(MAX_FRAME_BYTES + 1)
  t.throws(() => new FrameReader().take(length), /exceeds/)
})

t.test('a handshake says what is wrong with it', async (t) => {
  const hello = { version: '1.0', token: 'x', client_type: 'claude-code', client_version: '1' }
  t.same(readHello({ type: 'handshake', payload: hello }), {
    token: 'x',
    clientType: 'claude-code',
  })
  const cases: [Frame, string | RegExp][] = [
    [{ type: 'stdin', payload: {} }, 'Expected handshake message'],
    [
      { type: 'handshake', payload: { ...hello, version: '2.0' } },
      /mismatch: expected 1\.0, got 2\.0$/,
    ],
    [{ type: 'handshake', payload: null }, /^Read error: /],
    [{ type: 'handshake', payload: { version: '1.0' } }, 'Read error: missing field `token`'],
  ]
  for (const [frame, message] of cases) t.throws(() => readHello(frame), { message })
})

const text = (content: string, time = 1): StreamItem => ({
  type: 'text',
  content,
  seq: 1,
  time,
  turn: 1,
})

t.test('pieces of an answer become lines', async (t) => {
  const lines = new LineAssembler()
  t.same(lines.take(text('one\ntw', 5)), [{ stream: 'stdout', text: 'one\n', time: 5 }])
  t.same(lines.take({ type: 'stderr', content: 'oh', seq: 2, time: 6, turn: 1 }), [
    { stream: 'stderr', text: 'oh\n', time: 6 },
  ])
  t.same(lines.take(text('o\nthree', 7)), [{ stream: 'stdout', text: 'two\n', time: 5 }])
  const over = { type: 'turn_complete', turn_number: 1, reason: 'end_turn' } as const
  const end = lines.take({ ...over, seq: 4, time: 9, turn: 1 })
  t.same(end, [{ stream: 'stdout', text: 'three\n', time: 7 }])
  const long = new LineAssembler().take(text('x'.repeat(70_000)))
  t.equal(long[0]?.text.length, 70_000, 'what never ends is passed on in pieces')
})

t.test('of what was written the newest is kept, within both limits', async (t) => {
  const many = new History()
  for (let index = 0; index < 3 * MAX_HISTORY_LINES; index += 1) {
    many.add({ stream: index % 2 ? 'stderr' : 'stdout', text: `${index}\n`, time: index * 1000 })
  }
  many.trim()
  t.equal(many.count, MAX_HISTORY_LINES)
  const { stdout, stderr, timestamp_start, timestamp_end, stdout_bytes } = many.payload(0)
  t.equal(Buffer.from(stderr.at(-1) ?? '', 'base64').toString(), '29999\n')
  t.equal(stdout.length, MAX_HISTORY_LINES / 2)
  t.same([timestamp_start, timestamp_end, stdout_bytes], [20_000, 29_999, 6 * 5000])

  const large = new History()
  for (let index = 0; index < 5; index += 1) {
    large.add({ stream: 'stdout', text: 'x'.repeat(MAX_HISTORY_BYTES / 4), time: 0 })
  }
  large.trim()
  t.equal(large.count, 4)
  t.match(new History().payload(7000), {
    stdout: [],
    stderr: [],
    timestamp_start: 7,
    stdout_bytes: 0,
  })
})

t.test('what is typed becomes whole lines', async (t) => {
  const typed = new StdinLines()
  const take = (data: string | Buffer): string =>
    typed.take({ data: Buffer.from(data).toString('base64'), bytes: 0 })
  const umlaut = Buffer.from('ü\n')
  t.equal(take('on'), '')
  t.equal(take('e\ntwo\nth'), 'one\ntwo\n')
  t.equal(take(umlaut.subarray(0, 1)), '')
  t.equal(take(umlaut.subarray(1)), 'thü\n')
  t.throws(() => typed.take({ data: 7 }), { code: 'INVALID_MESSAGE' })
  t.throws(() => take('x'.repeat(1_048_577)), { code: 'TOO_LARGE' })
  t.equal(take('after\n'), 'after\n', 'and what was too long is forgotten')
})

class MapStore implements KeyStore {
  readonly map = new Map<string, JsonObject>()
  get = async (key: string): Promise<unknown> => this.map.get(key)
  set = async (key: string, value: JsonObject): Promise<void> => {
    this.map.set(key, value)
  }
  delete = async (key: string): Promise<void> => {
    this.map.delete(key)
  }
  list = async (prefix: string) => [...this.map].filter(([key]) => key.startsWith(prefix))
}

t.test('a token is good until it expires or is revoked, and is nowhere to be found', async (t) => {
  const store = new MapStore()
  let now = 1000
  let last = 0
  const uuid = (): string => `token-${++last}`
  const make = (): AttachTokens =>
    new AttachTokens({ store, wall: () => now, uuid, ttlMs: 300_000 })
  const tokens = make()
  t.same(await tokens.issue('a'), { token: 'token-1', expiresAt: 301_000 })
  await tokens.issue('b')
  t.same(
    await make().openedBy('token-1'),
    { agent: 'a', user: undefined },
    'also for the next shim',
  )
  t.equal(await tokens.openedBy('token-3'), undefined)
  t.equal(await tokens.revoke('token-2'), 'b')
  t.equal(await tokens.revoke('token-2'), 'b', 'once more')
  t.equal(await tokens.openedBy('token-2'), undefined)
  t.equal(await tokens.revoke('token-3'), undefined)
  t.same(await tokens.sweep(), new Set(['a']))
  t.notMatch(JSON.stringify([...store.map]), /token-/)
  now = 301_000
  t.equal(await tokens.openedBy('token-1'), undefined)
  t.equal(await tokens.revoke('token-1'), undefined)
  t.same(await tokens.sweep(), new Set())
  t.equal(store.map.size, 0)
})
