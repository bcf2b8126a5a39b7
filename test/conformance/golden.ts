/** Golden frames: the samples that the fixtures are made of, and how a fixture is written. */
import { encodeBundle, type Message } from '../../protocol/bundle.ts'
import { decodeUntrusted, EMPTY, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import type { Head, MessageKind } from '../../protocol/messages/index.ts'
import { PROOFS } from './proofs.ts'

/** One fixture: both frames, and what they say. */
export interface Golden {
  readonly name: string
  /** Hex of the heads frame. */
  readonly heads: string
  /** Hex of the bodies frame. */
  readonly bodies: string
  readonly messages: readonly {
    readonly head: Head
    /** The body as JSON; absent when it is empty. `{"$bin": hex}` stands for MessagePack bin. */
    readonly body?: unknown
  }[]
}

/** Frames that are refused as a whole (`error`), or of which some entries cannot be used. */
export interface Refused {
  readonly name: string
  readonly frames: readonly string[]
  readonly error?: string
  /** One for each entry that is not skipped: its kind, or the code of its error. */
  readonly entries?: readonly string[]
}

const SESSION = '0b7c1d52-6a52-4f0e-9a53-0c5a8b1f2d3e'
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index))

function message(head: Head, body?: unknown): Message {
  return { head, body: body === undefined ? EMPTY : encode(body) }
}

const request = (id: string, method: string, body: unknown, key = ''): Message =>
  message(
    { kind: 'REQUEST', id, method, target: '', remaining_ms: 30_000, key, trace: TRACE },
    body,
  )

const chunk = (sequence: number, type: keyof typeof CHUNK_CODES, body: unknown): Message =>
  message(
    {
      kind: 'CHUNK',
      session: SESSION,
      sequence,
      time: 1_760_000_000_123,
      turn: 1,
      type: CHUNK_CODES[type],
    },
    body,
  )

export const SAMPLES: Readonly<Record<MessageKind, Message>> = {
  HELLO: message(
    { kind: 'HELLO' },
    {
      major: 1,
      minor: 0,
      features: ['streams', 'tickets'],
      role: 'operator',
      principal: 'anna',
      software: 'example 1.0',
    },
  ),
  CHALLENGE: message({ kind: 'CHALLENGE' }, { nonce: bytes(32) }),
  PROOF: message({ kind: 'PROOF' }, { nonce: bytes(32), mac: Buffer.alloc(32, 0xa5) }),
  WELCOME: message(
    { kind: 'WELCOME' },
    {
      principal: 'anna',
      roles: ['operator'],
      minor: 0,
      features: ['streams', 'tickets'],
      heartbeat_ms: 1000,
      liveness_ms: 6000,
      max_bodies_bytes: 4_194_304,
      max_messages: 1024,
      credit: 0,
      epoch: 3,
      instance: 'kX2v',
      software: 'agentmq 0.1.0',
      streams: 'ipc:///run/user/1000/agentmq/streams.sock',
      resume: 'pQ8r',
    },
  ),
  GOODBYE: message(
    { kind: 'GOODBYE' },
    { code: 'DRAINING', reason: 'the broker is shutting down' },
  ),
  NEXT_KEY: message({ kind: 'NEXT_KEY', key: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' }),
  PING: message({ kind: 'PING', id: 7 }),
  PONG: message({ kind: 'PONG', id: 7, loop_lag_ms: 1.5, in_flight: 2, progress_age_ms: -1 }),
  REQUEST: request('1', 'session.prompt', { session: SESSION, text: 'héllo 👋' }, 'k-1'),
  ACCEPTED: message({ kind: 'ACCEPTED', id: '1' }),
  REPLY: message({ kind: 'REPLY', id: '1' }, { session: SESSION, turn: 1, sequence: 2 }),
  ERROR: message(
    { kind: 'ERROR', id: '1' },
    new ProtocolError(
      'OVERLOADED',
      { what: 'the prompt queue of this session', limit: 64 },
      { retryAfterMs: 100 },
    ).toWire(),
  ),
  CANCEL: message({ kind: 'CANCEL', id: '1' }),
  APPEND: message(
    { kind: 'APPEND', session: SESSION, epoch: 1, sequence: 1, turn: 1, type: CHUNK_CODES.text },
    { content: 'hello' },
  ),
  APPENDED: message({ kind: 'APPENDED', session: SESSION, epoch: 1, sequence: 1 }),
  CREDIT: message({ kind: 'CREDIT', bytes: 65_536 }),
  CHUNK: chunk(3, 'text', { content: 'hello' }),
  HEAD: message({ kind: 'HEAD', session: SESSION, sequence: 3 }),
  MOVED: message({ kind: 'MOVED', ticket: 'zJ0mN1pQ2rS3tU4vW5xY6A' }),
}

export const BUNDLES: Readonly<Record<string, readonly Message[]>> = {
  'no message at all': [],
  'bodies that are empty between others': [
    SAMPLES.PING,
    SAMPLES.REPLY,
    SAMPLES.ACCEPTED,
    SAMPLES.CANCEL,
    SAMPLES.CREDIT,
  ],
  'three requests of one burst': [
    request('a', 'session.list', {}),
    request('b', 'stream.open', { session: SESSION }),
    request('c', 'stream.read', { session: SESSION, from: 1, max_count: 100 }),
  ],
  'a whole turn as its reader sees it': [
    chunk(1, 'prompt', { text: 'list the files', principal: 'anna' }),
    chunk(2, 'thinking', { content: 'I should use a tool.' }),
    chunk(3, 'tool_use_start', { tool_id: 't1', tool_name: 'Bash' }),
    chunk(4, 'tool_use_input', { tool_id: 't1', input: { command: 'ls', limits: [1, 2.5, null] } }),
    chunk(5, 'tool_result', { tool_id: 't1', result: 'a.txt\n', is_error: false }),
    chunk(6, 'text', { content: 'There is one file: a.txt' }),
    chunk(7, 'usage', { input_tokens: 1200, output_tokens: 34, cost_usd: 0.0125 }),
    chunk(8, 'turn_complete', { turn_number: 1, reason: 'end_turn' }),
    chunk(9, 'status', { status: 'stopping', reason: 'stopped by a request' }),
    chunk(10, 'stderr', { content: 'warning: deprecated flag' }),
    chunk(11, 'error', { message: 'rate limited', kind: 'rate_limit', retrying: true }),
    chunk(12, 'approval_request', {
      approval: 'q1',
      tool_id: 't2',
      tool_name: 'Write',
      input: { path: 'a.txt', content: '' },
      title: 'Write a.txt',
      options: ['allow', 'allow_always', 'deny'],
    }),
    chunk(13, 'approval_settled', { approval: 'q1', outcome: 'deny', by: 'local', reason: 'no' }),
    chunk(14, 'complete', { exit_code: null, signal: 'SIGTERM', session_id: SESSION }),
  ],
  'an event of the broker': [
    {
      head: {
        ...{ kind: 'CHUNK', session: '@events', sequence: 7, time: 1_760_000_000_007, turn: 0 },
        type: CHUNK_CODES.event,
      },
      body: encode({
        ...{ topic: 'session', event: 'status', id: SESSION },
        data: { status: 'idle', previous: 'running', turn: 1 },
      }),
    },
  ],
  'a record of the audit log': [
    {
      head: {
        ...{ kind: 'CHUNK', session: '@audit', sequence: 1, time: 1_760_000_000_123, turn: 0 },
        type: CHUNK_CODES.audit,
      },
      body: encode({
        ...{ principal: 'anna é👋\u2028\u007f', via: 'shim', method: 'session.prompt' },
        ...{ session: SESSION, target: 'a"b\\c\n\u0001' },
        ...{ key: '2PmzjkH91LnxZy4QHsa2ItA65ONeLwSTO75HnZw52IM', outcome: 'done' },
        ...{ executed: 'yes', details: { 10: 2, 9: 1, software: 'agentmq' } },
        prev: '0'.repeat(64),
        // By the json and hashlib modules of Python, of the text that 5.4.3 describes.
        hash: '1c2955d9912e4acfd8c2117fe082b955c9c61d54fecbc16e2bff9f4478215cea',
      }),
    },
  ],
  'numbers of every width, and a page with binary bodies': [
    message({ kind: 'APPENDED', session: SESSION, epoch: 300, sequence: 2 ** 40 }),
    message({ kind: 'CREDIT', bytes: 2 ** 31 }),
    message(
      { kind: 'REPLY', id: 'c' },
      {
        session: SESSION,
        chunks: [[1, 1_760_000_000_123, 1, CHUNK_CODES.text, encode({ content: 'hello' })]],
        gaps: [{ from: 2, to: 9, reason: 'retention' }],
        next: 10,
        head: 12,
      },
    ),
  ],
}

const PING = encode([[8, 0, 7]])
const mixed = encode([
  [8, 0, 7, 'a field of tomorrow'],
  [0x80 | 70, 2],
  [70, 1, 'r1'],
  [16, 0, 'r2', 5],
  [8, 0, 8],
])

export const REFUSED: readonly Refused[] = [
  { name: 'one frame', frames: [PING.toString('hex')], error: 'BAD_FRAME' },
  { name: 'three frames', frames: [PING.toString('hex'), '', ''], error: 'BAD_FRAME' },
  { name: 'heads that are no array', frames: ['80', ''], error: 'BAD_FRAME' },
  {
    name: 'heads that are cut off',
    frames: [PING.toString('hex').slice(0, -2), ''],
    error: 'BAD_FRAME',
  },
  { name: 'bytes after the heads', frames: [`${PING.toString('hex')}00`, ''], error: 'BAD_FRAME' },
  { name: 'a body longer than its frame', frames: ['9193080507', '00'], error: 'BAD_FRAME' },
  { name: 'bytes that no head names', frames: [PING.toString('hex'), '00'], error: 'BAD_FRAME' },
  { name: 'a count that bytes cannot hold', frames: ['ddffffffff', ''], error: 'BAD_FRAME' },
  { name: 'an extension type', frames: ['9193d401000807', ''], error: 'BAD_FRAME' },
  {
    name: 'a further field, an unknown ignorable kind, an unknown kind, a bad head, a good one',
    frames: [mixed.toString('hex'), 'c0c0c0'],
    entries: ['PING', 'UNSUPPORTED', 'INVALID_MESSAGE', 'PING'],
  },
]

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { $bin: value.toString('hex') }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

/** The value behind the JSON of a fixture. */
export function fromPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPlain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [first] = entries
  if (entries.length === 1 && first?.[0] === '$bin') return Buffer.from(String(first[1]), 'hex')
  return Object.fromEntries(entries.map(([key, item]) => [key, fromPlain(item)]))
}

export function goldenOf(name: string, messages: readonly Message[]): Golden {
  const { heads, bodies } = encodeBundle(messages)
  return {
    name,
    heads: heads.toString('hex'),
    bodies: bodies.toString('hex'),
    messages: messages.map(({ head, body }) => ({
      head,
      ...(body.length > 0 && { body: plain(decodeUntrusted(body)) }),
    })),
  }
}

/** The fixture files, by name. */
export function goldenFiles(): Readonly<Record<string, string>> {
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  const messages = Object.entries(SAMPLES).map(([kind, sample]) => goldenOf(kind, [sample]))
  const bundles = Object.entries(BUNDLES).map(([name, list]) => goldenOf(name, list))
  return {
    'messages.json': text(messages),
    'bundles.json': text(bundles),
    'refused.json': text(REFUSED),
    'proof.json': text(PROOFS),
  }
}
