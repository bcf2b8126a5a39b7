/** Bytes of peers that speak ZMTP badly (https://rfc.zeromq.org/spec/23), for zmtp.ts. */
import { mutateBytes } from '../mutate-bytes.ts'
import { STRINGS } from '../nasty.ts'
import type { Random } from '../random.ts'
import type { Shapes } from '../shapes.ts'
import { makeFrames } from './bundle.ts'

const MORE = 1
const LONG = 2
const COMMAND = 4

const TYPES = ['DEALER', 'REQ', 'ROUTER', 'REP', 'SUB', 'XSUB', 'PUB', 'PAIR', 'PUSH', 'CLIENT', '']
const MECHANISMS = ['NULL', 'PLAIN', 'CURVE', 'GSSAPI', '', 'NULL\0NULL', 'XXXXXXXXXXXXXXXXXXXX']
const COMMANDS = [
  'READY',
  'ERROR',
  'PING',
  'PONG',
  'SUBSCRIBE',
  'CANCEL',
  'HELLO',
  'INITIATE',
  'JOIN',
  '',
]
const COUNTS = [
  0,
  1,
  255,
  256,
  65_536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 48,
]
const HUGE = [
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_fff6n,
]

export function greeting(minor = 0, mechanism = 'NULL', server = 0): Buffer {
  const bytes = Buffer.alloc(64)
  bytes[0] = 0xff
  bytes[9] = 0x7f
  bytes[10] = 3
  bytes[11] = minor
  bytes.write(mechanism.slice(0, 20), 12)
  bytes[32] = server
  return bytes
}

/** What a peer writes, in the pieces in which it does. */
export function zmtpPieces(shapes: Shapes, isStreams: boolean, random: Random): Buffer[] {
  const kind = random.below(12)
  if (kind === 0) return [random.bytes(random.size(200))]
  if (kind === 1) return [oddGreeting(random)]
  if (kind === 2) return [greeting().subarray(0, random.below(64))]
  if (kind === 3) return [oddGreeting(random), traffic(shapes, isStreams, random)]
  const type = isStreams ? 'XSUB' : 'DEALER'
  const good = ready([
    ['Socket-Type', Buffer.from(type)],
    ['Identity', Buffer.alloc(0)],
  ])
  const opening = kind <= 6 ? [greeting(random.below(3)), oddReady(random)] : [greeting(), good]
  const more = Array.from({ length: random.size(6) }, () => traffic(shapes, isStreams, random))
  const pieces = [...opening, ...more]
  if (random.chance(0.15)) return pieces.map((piece) => mutateBytes(piece, random, 2))
  return random.chance(0.2) ? [Buffer.concat(pieces)] : pieces
}

function oddGreeting(random: Random): Buffer {
  const kind = random.below(6)
  if (kind === 0) return Buffer.of(1, 0) // ZMTP 1.0: an empty identity
  if (kind === 1)
    return Buffer.concat([Buffer.of(random.below(256), 0), random.bytes(random.size(64))])
  if (kind === 2) return Buffer.from('ff00000000000000017f0105', 'hex') // ZMTP 2.0, DEALER
  if (kind === 3) return Buffer.from('ff00000000000000017f01ff0000', 'hex')
  const odd = greeting(random.below(4), random.pick(MECHANISMS), random.below(2))
  odd[10] = random.pick([0, 1, 2, 3, 4, 255])
  return kind === 4 ? odd : mutateBytes(odd, random, 2)
}

type Property = readonly [name: string, value: Buffer]

function ready(properties: readonly Property[], random?: Random): Buffer {
  const parts = properties.flatMap(([name, value]) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(random?.chance(0.1) ? random.uint32() : value.length)
    return [Buffer.of(name.length & 0xff), Buffer.from(name, 'latin1'), length, value]
  })
  return frame(Buffer.concat([Buffer.of(5), Buffer.from('READY'), ...parts]), COMMAND)
}

function oddReady(random: Random): Buffer {
  if (random.chance(0.2)) return oddCommand(random)
  const properties: Property[] = [['Socket-Type', Buffer.from(random.pick(TYPES))]]
  if (random.chance(0.7)) properties.push(['Identity', identity(random)])
  for (let left = random.size(4); left > 0; left -= 1) {
    properties.push([random.pick(STRINGS).slice(0, 255), random.bytes(random.size(300))])
  }
  return ready(random.chance(0.1) ? [...properties, ...properties] : properties, random)
}

/**
 * Not one that begins with a zero byte: libzmq 4.3.5 gives such ids to others itself, and aborts the process
 * when one is taken. docs/reliability.md tells of it.
 */
function identity(random: Random): Buffer {
  const bytes = random.bytes(random.pick([0, 1, 5, 255, 256, 1000]))
  if (bytes.length > 0) bytes[0] = 1 + random.below(255)
  return random.chance(0.3) ? Buffer.from('the same as others') : bytes
}

function oddCommand(random: Random): Buffer {
  const name = random.pick(COMMANDS)
  const body = Buffer.concat([
    Buffer.of(name.length),
    Buffer.from(name),
    random.bytes(random.size(80)),
  ])
  return frame(body, COMMAND | (random.chance(0.1) ? MORE : 0))
}

function traffic(shapes: Shapes, isStreams: boolean, random: Random): Buffer {
  const kind = random.below(8)
  if (kind === 0) return oddCommand(random)
  if (kind === 1) return Buffer.concat([frameHead(random), random.bytes(random.size(64))])
  if (kind === 2) return random.bytes(random.size(64))
  if (isStreams) return frame(Buffer.concat([Buffer.of(random.below(3)), ticket(random)]), 0)
  const frames = makeFrames(shapes, random)
  return Buffer.concat(frames.map((bytes, at) => frame(bytes, at === frames.length - 1 ? 0 : MORE)))
}

function ticket(random: Random): Buffer {
  return random.chance(0.5) ? random.bytes(random.size(100)) : Buffer.from(random.pick(STRINGS))
}

export function frame(body: Buffer, flags: number): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body])
  const head = Buffer.alloc(9, flags | LONG)
  head.writeBigUInt64BE(BigInt(body.length), 1)
  return Buffer.concat([head, body])
}

/** A length that what follows does not have. */
function frameHead(random: Random): Buffer {
  const head = Buffer.alloc(9, random.chance(0.7) ? random.below(8) | LONG : random.below(256))
  const length = random.chance(0.4) ? random.pick(HUGE) : BigInt(random.pick(COUNTS))
  head.writeBigUInt64BE(length, 1)
  return head
}
