/** The rest of what comes in at the old doors: event clients, attach frames, paths of streams. */
import {
  BadFrame,
  encodeFrame,
  FrameReader,
  MAX_FRAME_BYTES,
} from '../../../clients/shim/attach/frames.ts'
import { HandshakeFailed, readHello } from '../../../clients/shim/attach/handshake.ts'
import { StdinLines } from '../../../clients/shim/attach/stdin-lines.ts'
import { EventClient } from '../../../clients/shim/events/event-client.ts'
import { descartesEvents } from '../../../clients/shim/events/from-native.ts'
import { isOwnHost, isOwnOrigin, pageRefusal } from '../../../clients/shim/http/page-guard.ts'
import { isStreamPath, streamWish } from '../../../clients/shim/sse/stream-path.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Case } from '../case.ts'
import { legacyWords } from '../legacy-words.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { mutateLine } from '../mutate-json.ts'
import { STRINGS } from '../nasty.ts'
import type { Random } from '../random.ts'
import { must, type Target } from '../target.ts'

/** The first piece: what the others are. */
const EVENTS = 0
const ATTACH = 1
const KINDS = 3 // the third: texts of paths and headers

const PATHS = [
  '/sessions/s1/stream',
  '/sessions/s1/stream?from=7&until=complete',
  '/sessions/%41/stream/',
]
const ORIGINS = ['http://localhost:3000', 'http://[::1]', 'null', 'https://evil.example', 'file://']
const FRAMES = [
  { type: 'handshake', payload: { version: '1.0', token: 't', client_type: 'x' } },
  { type: 'stdin', payload: { data: 'aGkK' } },
  { type: 'ping', payload: {}, seq: 1 },
  { type: 'disconnect', payload: {} },
]

export function shimWireTarget(): Target {
  const { events } = legacyWords()
  return {
    name: 'shim-wire',
    about: 'event clients, attach frames and paths: refused in words, and nothing gathers',
    lifetime: 1000,
    generate: (random) => generate(events, random),
    open: () => ({ run: play }),
  }
}

function generate(events: readonly string[], random: Random): Case {
  const kind = random.below(KINDS)
  const count = 1 + random.size(5)
  const pieces = Array.from({ length: count }, () => {
    if (kind === EVENTS) return mutateLine(random.pick(events), random)
    return kind === ATTACH ? attachBytes(random) : pathText(random)
  })
  return [Buffer.of(kind), ...pieces]
}

function attachBytes(random: Random): Buffer {
  const frame = random.pick(FRAMES)
  if (random.chance(0.4)) return mutateBytes(encodeFrame(frame), random, 2)
  const body = mutateLine(JSON.stringify(frame), random)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(random.chance(0.9) ? body.length : random.uint32())
  return Buffer.concat([length, body])
}

function pathText(random: Random): Buffer {
  const text = random.pick([...PATHS, ...ORIGINS])
  const mutated = random.chance(0.5) ? text.replace(/s1|7|http/, random.pick(STRINGS)) : text
  return random.chance(0.3) ? mutateBytes(Buffer.from(mutated), random, 2) : Buffer.from(mutated)
}

function play([kind, ...pieces]: Case): void {
  if (kind?.[0] === EVENTS) playEvents(pieces)
  else if (kind?.[0] === ATTACH) playAttach(pieces)
  else for (const piece of pieces) checkPath(piece.toString())
}

function playEvents(pieces: Case): void {
  let now = 0
  let sent = 0
  const client = new EventClient({
    send: (text) => {
      sent += text.length
      must(
        typeof (JSON.parse(text) as { type?: unknown }).type === 'string',
        'a message of no type',
      )
    },
    ping: () => undefined,
    buffered: () => 0,
    cut: () => undefined,
    now: () => now,
    wall: () => now,
    uuid: () => 'id',
  })
  for (const piece of pieces) {
    sent = 0
    client.message(piece.toString())
    must(sent <= 12 * piece.length + 1000, () => `${sent} characters to ${piece.length} bytes`)
    now += 1000
    tell(client)
  }
}

function tell(client: EventClient): void {
  const base = { type: 'event', seq: 1, time: 1, turn: 0 } as const
  for (const event of descartesEvents({
    ...base,
    topic: 'session',
    event: 'started',
    id: 'a',
    data: {},
  })) {
    client.event(event, JSON.stringify(event))
  }
}

function playAttach(pieces: Case): void {
  const reader = new FrameReader()
  const lines = new StdinLines()
  try {
    for (const piece of pieces) {
      for (const frame of reader.take(piece)) {
        checkRefused(() => readHello(frame))
        checkRefused(() => lines.take(frame.payload))
        reader.limit = MAX_FRAME_BYTES
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof BadFrame)) throw thrown
  }
}

function checkPath(text: string): void {
  must(typeof isStreamPath(text) === 'boolean', 'a path that is and is not')
  checkRefused(() => streamWish(text, undefined))
  checkRefused(() => streamWish('/sessions/a/stream', text))
  for (const headers of [{ origin: text }, { host: text }, { origin: text, host: text }]) {
    isOwnOrigin({ headers })
    isOwnHost({ headers })
    pageRefusal({ headers }, false)
  }
}

function checkRefused(work: () => unknown): void {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof HandshakeFailed || thrown instanceof ProtocolError) return
    throw thrown
  }
}
