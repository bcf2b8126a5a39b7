/** ChunkLog and Outflow: what a host keeps of a stream, and how it sends it. Pure. */
import fc from 'fast-check'
import t from 'tap'
import { ChunkLog, type Numbered } from '../../agent-host/chunk-log.ts'
import { HeldBytes } from '../../agent-host/held-bytes.ts'
import { Outflow, RESEND_MS } from '../../agent-host/outflow.ts'
import { decodeTrusted } from '../../protocol/codec.ts'
import { MAX_CHUNK_BYTES } from '../../protocol/limits.ts'
import { CHUNK_CODES, type Chunk, chunkType } from '../../protocol/messages/chunk.ts'
import type { HeadFor } from '../../protocol/messages/index.ts'

const text = (content: string): Chunk => ({ type: 'text', content })
const bodyOf = (chunk: Numbered) => decodeTrusted(chunk.body) as { readonly content?: string }

function drain(log: ChunkLog): Numbered[] {
  const taken: Numbered[] = []
  for (let chunk = log.take(); chunk; chunk = log.take()) taken.push(chunk)
  return taken
}

type Step =
  | { readonly do: 'add'; readonly turn: number; readonly chunk: Chunk }
  | { readonly do: 'take' }
  | { readonly do: 'acknowledge' | 'rewind'; readonly share: number }

const content = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer({ min: 0, max: 3 }).map((size) => '😀'.repeat(size * 20_000 + size)),
)
const chunk: fc.Arbitrary<Chunk> = fc.oneof(
  fc.record({ type: fc.constantFrom('text' as const, 'thinking' as const), content }),
  fc.record({ type: fc.constant('stderr' as const), content }),
  fc.record({ type: fc.constant('error' as const), message: content }),
  fc.record({
    type: fc.constant('tool_result' as const),
    tool_id: fc.constant('t'),
    result: content,
    is_error: fc.boolean(),
  }),
)
const share = fc.double({ min: 0, max: 1.1, noNaN: true })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), turn: fc.integer({ min: 1, max: 2 }), chunk }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constantFrom('acknowledge' as const, 'rewind' as const), share }),
)

/** What a reader makes of chunks: runs of one kind and turn, each put together. */
function told(chunks: readonly { turn: number; chunk: Chunk }[]): string[] {
  const runs: { name: string; words: string }[] = []
  for (const { turn, chunk: one } of chunks) {
    const { type } = one
    const words = type === 'error' ? one.message : type === 'tool_result' ? one.result : ''
    const said = 'content' in one ? one.content : words
    const last = runs.at(-1)
    const name = `${turn} ${type}`
    if (last?.name === name) last.words += said
    else runs.push({ name, words: said })
  }
  return runs.map(({ name, words }) => `${name}: ${words}`)
}

/** A broker that takes chunks in order and ignores what it has. */
class Taker {
  readonly chunks: { turn: number; chunk: Chunk }[] = []
  readonly #sent = new Map<number, string>()
  last = 0

  take({ sequence, turn, type, body }: Numbered): void {
    const content = `${turn} ${type} ${body.toString('base64')}`
    const earlier = this.#sent.get(sequence) ?? content
    if (earlier !== content) throw new Error(`${sequence} was sent before as something else`)
    this.#sent.set(sequence, content)
    if (sequence <= this.last) return
    if (sequence !== this.last + 1) throw new Error(`${sequence} came after ${this.last}`)
    this.last = sequence
    const fields = decodeTrusted(body) as object
    this.chunks.push({ turn, chunk: { type: chunkType(type), ...fields } as Chunk })
  }
}

t.test(
  'whatever happens to a log, the same text arrives, without a hole, and nothing stays',
  (t) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const all = new HeldBytes()
        all.add(5000) // of other sessions
        const log = new ChunkLog(undefined, all)
        const taker = new Taker()
        const added: { turn: number; chunk: Chunk }[] = []
        const receive = (one: Numbered | undefined) => {
          if (one && one.body.length > MAX_CHUNK_BYTES) throw new Error('a chunk is too large')
          if (one) taker.take(one)
        }
        for (const one of steps) {
          if (one.do === 'add') {
            log.add(one.turn, one.chunk)
            added.push(one)
          } else if (one.do === 'take') receive(log.take())
          else if (one.do === 'acknowledge') log.acknowledge(Math.floor(one.share * taker.last))
          else log.rewind(Math.floor(one.share * taker.last))
          if (all.bytes !== 5000 + log.bytes) throw new Error('not all bytes are accounted for')
        }
        drain(log).forEach(receive)
        t.strictSame(told(taker.chunks), told(added))
        log.acknowledge(taker.last)
        t.ok(log.isEmpty && log.bytes === 0 && log.inFlight === 0, `${log.bytes} bytes are left`)
        t.equal(all.bytes, 5000)
      }),
      { numRuns: 150 },
    )
    t.end()
  },
)

const delta = fc.record({
  turn: fc.integer({ min: 1, max: 2 }),
  type: fc.constantFrom('text' as const, 'thinking' as const, 'stderr' as const),
  content: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
})

t.test('what waits becomes one chunk for each run of deltas, however many they are', (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(delta, { maxLength: 30 }), { maxLength: 4 }), (bursts) => {
      const log = new ChunkLog()
      for (const burst of bursts) {
        const runs: string[] = []
        let last = ''
        for (const { turn, type, content } of burst) {
          log.add(turn, { type, content })
          const run = `${turn} ${type}`
          if (run === last && type !== 'stderr') runs.push(`${runs.pop() ?? ''}${content}`)
          else runs.push(content)
          last = run
        }
        // What is sent ends a run: the next burst begins a new one.
        t.strictSame(
          drain(log).map((one) => bodyOf(one).content),
          runs,
        )
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('a merged chunk never outgrows what one may have', (t) => {
  const log = new ChunkLog(64 * 1024 * 1024)
  for (let count = 0; count < 50_000; count += 1) log.add(1, text('漢字かな'))
  const taken = drain(log)
  t.ok(taken.every(({ body }) => body.length <= MAX_CHUNK_BYTES))
  t.ok(taken.length < 10, `${taken.length} chunks`)
  t.equal(taken.map((one) => bodyOf(one).content ?? '').join('').length, 200_000)
  t.end()
})

t.test('sending never needs more room than waiting did', (t) => {
  const log = new ChunkLog(64 * 1024 * 1024)
  for (const content of ['x', 'é'.repeat(60_000), '漢'.repeat(60_000), '😀'.repeat(30_000)]) {
    for (const type of ['text', 'thinking', 'stderr'] as const) log.add(1, { type, content })
    log.add(1, { type: 'tool_result', tool_id: 't'.repeat(40), result: content, is_error: true })
  }
  const waiting = log.bytes
  drain(log)
  t.ok(log.bytes <= waiting, `${waiting} bytes waited, ${log.bytes} are sent`)
  t.equal(log.peakBytes, waiting)
  t.end()
})

t.test('a log that was given up holds nothing and takes nothing', (t) => {
  const all = new HeldBytes(1000)
  const log = new ChunkLog(undefined, all)
  log.add(1, text('x'.repeat(2000)))
  log.take()
  log.add(1, text('y'))
  t.ok(all.isOver && log.isFull)
  log.discard()
  t.same([log.bytes, all.bytes, log.isEmpty], [0, 0, true])
  log.add(1, text('z'))
  t.equal(log.take(), undefined)
  t.equal(all.takeRelief(), true)
  t.end()
})

t.test('all logs together are full at their limit, until half of it is free again', (t) => {
  const all = new HeldBytes(10_000)
  const [one, other] = [new ChunkLog(1_000_000, all), new ChunkLog(1_000_000, all)]
  one.add(1, text('x'.repeat(9000)))
  t.same([one.isFull, other.isFull, other.hasRoom], [false, false, true])
  other.add(1, text('x'.repeat(1000)))
  t.same([one.isFull, other.isFull, other.hasRoom], [true, true, false])
  other.take()
  other.acknowledge(1)
  t.same([other.hasRoom, all.takeRelief()], [false, false], 'below the limit is not enough')
  one.take()
  one.acknowledge(1)
  t.same([all.takeRelief(), all.takeRelief(), other.hasRoom], [true, false, true])
  t.end()
})

t.test('deltas that wait are merged, but neither over turns nor after they were sent', (t) => {
  const log = new ChunkLog()
  log.add(1, text('a'))
  log.add(1, text('b'))
  t.equal(log.take()?.sequence, 1)
  log.add(1, text('c'))
  log.add(2, text('d'))
  log.add(2, { type: 'thinking', content: 'e' })
  log.rewind(0)
  t.strictSame(
    drain(log).map((one) => [one.sequence, one.turn, bodyOf(one).content]),
    [
      [1, 1, 'ab'],
      [2, 1, 'c'],
      [3, 2, 'd'],
      [4, 2, 'e'],
    ],
  )
  t.end()
})

t.test('to go back is not to let go: a broker may have lost what it had taken', (t) => {
  const log = new ChunkLog()
  for (const turn of [1, 2, 3]) log.add(turn, text('x'))
  drain(log)
  log.rewind(2)
  t.strictSame(
    drain(log).map(({ sequence }) => sequence),
    [3],
  )
  log.rewind(0)
  t.strictSame(
    drain(log).map(({ sequence }) => sequence),
    [1, 2, 3],
  )
  t.end()
})

t.test('many small chunks fill a log, since each costs memory beside its text', (t) => {
  const log = new ChunkLog(64 * 1024)
  let count = 0
  for (; !log.isFull; count += 1) {
    log.add(count, text('x'))
    log.take()
  }
  t.ok(count < 1200, `${count} chunks`)
  t.equal(log.hasRoom, false)
  log.acknowledge(Math.ceil(count / 2) + 1)
  t.equal(log.hasRoom, true)
  t.end()
})

t.test('what no message can carry is said to be left out, and what follows still arrives', (t) => {
  const log = new ChunkLog()
  const list = Array.from({ length: 300_000 }, () => 0)
  log.add(1, { type: 'tool_use_input', tool_id: 'many', input: list })
  log.add(1, { type: 'tool_use_input', tool_id: 'long', input: 'x'.repeat(3_000_000) })
  log.add(1, { type: 'tool_use_start', tool_id: 'x'.repeat(4_000_000), tool_name: 'Bash' })
  log.add(1, text('after'))
  const taken = drain(log)
  const { tool_use_input: input, stderr } = CHUNK_CODES
  t.strictSame(
    taken.map(({ type }) => type),
    [input, stderr, input, stderr, stderr, CHUNK_CODES.text],
  )
  t.match(taken.map(bodyOf).at(0), { input: { left_out_bytes: 300_005 } })
  t.match(taken.map(bodyOf).at(4), { content: /tool_use_start of 40\d+ bytes was left out/ })
  t.ok(taken.every(({ body }) => body.length < MAX_CHUNK_BYTES))
  t.end()
})

interface Sent {
  readonly session: string
  readonly sequence: number
}

/** An outflow with logs of `count` chunks of about `size` bytes for each session. */
function outflowOf(sessions: readonly string[], { count, size }: { count: number; size: number }) {
  const sent: Sent[] = []
  let isFull = false
  const outflow = new Outflow((head) => {
    const { session, sequence } = head as HeadFor<'APPEND'>
    if (!isFull) sent.push({ session, sequence })
    return !isFull
  })
  const logs = sessions.map((session) => {
    const log = new ChunkLog()
    for (let turn = 1; turn <= count; turn += 1) log.add(turn, text('x'.repeat(size)))
    outflow.add({ session, epoch: 1, log })
    return log
  })
  const fill = (value: boolean) => {
    isFull = value
  }
  return { outflow, sent, logs, fill }
}

const numbers = (sent: readonly Sent[]) => sent.map(({ sequence }) => sequence)

t.test('nothing is sent before the broker has opened, or beyond its credit', (t) => {
  const { outflow, sent } = outflowOf(['a'], { count: 10, size: 1000 })
  outflow.pump(0)
  t.equal(sent.length, 0)
  outflow.open(2500)
  outflow.pump(0)
  t.equal(sent.length, 3, 'the last one may overdraw')
  t.ok(outflow.credit < 0)
  outflow.granted(600)
  outflow.pump(0)
  t.strictSame(numbers(sent), [1, 2, 3, 4])
  outflow.close()
  outflow.granted(10_000)
  outflow.pump(0)
  t.equal(sent.length, 4)
  t.end()
})

t.test('credit that comes in drops is shared by all sessions', (t) => {
  const { outflow, sent } = outflowOf(['a', 'b', 'c'], { count: 50, size: 1000 })
  outflow.open(1)
  for (let drop = 0; drop < 30; drop += 1) {
    outflow.pump(0)
    outflow.granted(1010)
  }
  for (const name of ['a', 'b', 'c']) {
    const share = sent.filter(({ session }) => session === name)
    t.ok(share.length >= 9, `${name} sent ${share.length} of ${sent.length}`)
  }
  t.end()
})

t.test('a chunk that the connection did not take costs no credit and is sent later', (t) => {
  const { outflow, sent, fill } = outflowOf(['a'], { count: 3, size: 100 })
  outflow.open(1000)
  fill(true)
  outflow.pump(0)
  t.equal(outflow.credit, 1000)
  fill(false)
  outflow.pump(0)
  t.strictSame(numbers(sent), [1, 2, 3])
  t.end()
})

t.test('so many small chunks are on their way that answers still find room', (t) => {
  const { outflow, sent } = outflowOf(['a', 'b'], { count: 10_000, size: 1 })
  outflow.open(4_000_000)
  outflow.pump(0)
  t.ok(sent.length <= 8192, `${sent.length} chunks`)
  outflow.acknowledged('a', 1, 1000, 0)
  const before = sent.length
  outflow.pump(0)
  t.equal(sent.length, before + 1000)
  t.end()
})

t.test('after a silence all that is not acknowledged is sent again', (t) => {
  const { outflow, sent } = outflowOf(['a'], { count: 4, size: 10 })
  outflow.open(100_000)
  outflow.pump(0)
  outflow.acknowledged('a', 1, 2, 100)
  outflow.tick(100 + RESEND_MS - 1)
  t.equal(sent.length, 4)
  outflow.tick(100 + RESEND_MS)
  t.strictSame(numbers(sent), [1, 2, 3, 4, 3, 4])
  outflow.acknowledged('a', 1, 4, 5000)
  outflow.tick(20_000)
  t.equal(sent.length, 6)
  t.end()
})

t.test('a hole is filled once, however many chunks behind it complain', (t) => {
  const { outflow, sent, logs } = outflowOf(['a'], { count: 50, size: 10 })
  outflow.open(1_000_000)
  outflow.pump(0)
  for (let complaint = 0; complaint < 40; complaint += 1) {
    outflow.missed('a', 11, complaint)
    outflow.pump(complaint)
  }
  t.equal(sent.length, 90)
  t.equal(sent[50]?.sequence, 11)
  logs[0]?.rewind(0)
  t.equal(logs[0]?.take()?.sequence, 1, 'what came before the hole is kept until it is on disk')
  outflow.missed('a', 11, 40 + RESEND_MS)
  outflow.pump(40 + RESEND_MS)
  t.equal(sent[90]?.sequence, 11, 'but a hole that stays is filled again')
  t.end()
})

t.test('a reconnect goes on after what the broker has on disk; old leases are not heard', (t) => {
  const { outflow, sent, logs } = outflowOf(['a'], { count: 5, size: 10 })
  outflow.open(1000)
  outflow.pump(0)
  outflow.close()
  outflow.acknowledged('a', 2, 5, 0)
  t.equal(logs[0]?.inFlight, 5)
  outflow.resume('a', 3, 0)
  outflow.open(1000)
  outflow.pump(0)
  t.strictSame(numbers(sent), [1, 2, 3, 4, 5, 4, 5])
  outflow.remove('a')
  outflow.acknowledged('a', 1, 5, 0)
  t.equal(logs[0]?.isEmpty, false)
  t.end()
})
