/** Attacks by size, depth, number and slowness, of single connections; docs/security.md says what bounds many. */
import t from 'tap'
import { encodeBundle } from '../../protocol/bundle.ts'
import { encode } from '../../protocol/codec.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { helloOf, requestOf } from '../support/zmtp/agent-peer.ts'
import { ZmtpConnection } from '../support/zmtp/connection.ts'
import { nullHandshake } from '../support/zmtp/session.ts'
import { greeting, longHeader } from '../support/zmtp/wire.ts'

t.test('a frame above the limit ends its own connection, before it has come', async (t) => {
  const stage = await AttackStage.start(t)
  const mallory = await stage.principal('mallory', ['operator'])
  const honest = await stage.welcomed(await stage.principal('anna', ['operator']))
  const peer = await stage.welcomed(mallory)
  const { connection } = peer.session
  // Only the header is sent: whoever believes it would wait, or make room.
  connection.write(longHeader(0, 2n ** 62n))
  await connection.closed()
  t.match(await honest.call('1', 'system.info', {}), { epoch: 1 })
})

t.test(
  'what is too deep, too many or made up costs its sender an error, and repeated the connection',
  async (t) => {
    const stage = await AttackStage.start(t)
    const mallory = await stage.principal('mallory', ['operator'])
    const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.of(0xc0)])
    const many = encode(Array.from({ length: WIRE_LIMITS.maxMessages + 1 }, () => [8, 0, 1]))
    const frames: readonly (readonly Buffer[])[] = [
      [deep, Buffer.alloc(0)],
      [many, Buffer.alloc(0)],
      [Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff), Buffer.alloc(0)],
      [Buffer.alloc(WIRE_LIMITS.maxHeadsBytes + 1, 0x90), Buffer.alloc(0)],
      [encode([[16, 2 ** 40, 'id', 'system.info', '', 0, '', '']]), Buffer.alloc(0)],
      [encode([[8, 0, 1]]), Buffer.alloc(1)],
      [encode([])],
      [encode([]), Buffer.alloc(0), Buffer.alloc(0)],
    ]
    const peer = await stage.welcomed(mallory)
    const codes: string[] = []
    for (let round = 0; codes.at(-1) !== 'GOODBYE' && round < 20; round += 1) {
      peer.session.send(frames[round % frames.length] ?? [])
      codes.push(await peer.refusal())
    }
    t.equal(codes.length, 16, codes.join())
    t.ok(codes.slice(0, 15).every((code) => code === 'BAD_FRAME' || code === 'TOO_LARGE'))
    // It is not heard any more, and what it was is of no use to it; a new connection is a new beginning.
    peer.say(requestOf('1', 'task.create', { title: 'late' }))
    const again = await stage.welcomed(mallory)
    t.match(await again.call('1', 'task.list', {}), { total: 0 })
  },
)

t.test('a body that is too deep is refused, and its neighbours are not', async (t) => {
  const stage = await AttackStage.start(t)
  const peer = await stage.welcomed(await stage.principal('mallory', ['operator']))
  let value: unknown = 1
  for (let depth = 0; depth < 100; depth += 1) value = [value]
  const { heads, bodies } = encodeBundle([
    { ...requestOf('deep', 'state.set', {}), body: encode({ key: 'x', value }) },
    { ...requestOf('flat', 'state.set', {}), body: encode({ key: 'y', value: 1 }) },
  ])
  peer.session.send([heads, bodies])
  t.equal(await peer.refusal(), 'INVALID_PARAMS')
  await peer.hearKind('REPLY')
  const { entries } = await stage.admin.call('state.list', {})
  t.match(entries, [{ key: 'y' }])
})

t.test('proof after proof does not go on for ever', async (t) => {
  const stage = await AttackStage.start(t)
  const mallory = await stage.principal('mallory', ['operator'])
  const peer = await stage.connection(mallory)
  let code = ''
  let proofs = 0
  while (code !== 'GOODBYE' && proofs < 30) {
    peer.hello(helloOf({ key: mallory.publicKey }))
    peer.prove(await peer.challenge(), Buffer.alloc(32, proofs))
    proofs += 1
    code = await peer.refusal()
  }
  t.ok(proofs <= 16, `${proofs} proofs`)
})

t.test('who stops in the middle of a handshake is hung up on', async (t) => {
  const stage = await AttackStage.start(t)
  const mallory = await stage.principal('mallory', ['operator'])
  const { endpoint } = stage.door
  const silent = await ZmtpConnection.open(endpoint)
  const partial = await ZmtpConnection.open(endpoint)
  partial.write(greeting('CURVE').subarray(0, 40))
  const greeted = await ZmtpConnection.open(endpoint)
  await greeted.greet('CURVE')
  const stopped = await Promise.all(
    (['HELLO', 'WELCOME'] as const).map(async (stopsAfter) => {
      const outcome = await stage.attempt(mallory, { lies: { stopsAfter } })
      if (outcome.type !== 'stopped') throw new Error(outcome.type)
      return outcome.connection
    }),
  )
  for (const connection of [silent, partial, greeted, ...stopped]) await connection.closed()
  t.match(await stage.admin.call('system.info', {}), { epoch: 1 })
  t.match(await nullHandshake(endpoint), { type: 'refused' })
})
