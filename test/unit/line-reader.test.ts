import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  DEFAULT_MAX_LINE_BYTES,
  type Line,
  LineReader,
} from '../../agent-host/process/line-reader.ts'

function read(chunks: readonly Buffer[], maxLineBytes?: number) {
  const lines: Line[] = []
  const overflows: number[] = []
  const reader = new LineReader({
    ...(maxLineBytes !== undefined && { maxLineBytes }),
    onLine: (line) => lines.push(line),
    onOverflow: (bytes) => overflows.push(bytes),
  })
  let peak = 0
  for (const chunk of chunks) {
    reader.push(chunk)
    peak = Math.max(peak, reader.heldBytes)
  }
  reader.end()
  return { lines, overflows, peak, texts: lines.map((line) => line.text) }
}

const bytes = (text: string): Buffer => Buffer.from(text)

t.test('splits at newlines, over several reads and within one', async (t: Test) => {
  t.same(read([bytes('a\nb'), bytes('c\n'), bytes('\nd')]).texts, ['a', 'bc', '', 'd'])
})

t.test('the last line needs no newline, and an empty rest is no line', async (t: Test) => {
  t.same(read([bytes('a')]).texts, ['a'])
  t.same(read([bytes('a\n')]).texts, ['a'])
  t.same(read([]).texts, [])
})

t.test('one trailing carriage return is taken off, others stay', async (t: Test) => {
  t.same(read([bytes('a\r\n\rb\r'), bytes('\r\n')]).texts, ['a', '\rb\r'])
})

t.test('a character that is cut by a read comes out whole', async (t: Test) => {
  const whole = bytes('grüße 🙂\n')
  for (let at = 1; at < whole.length; at++) {
    const { lines } = read([whole.subarray(0, at), whole.subarray(at)])
    t.same(lines, [{ text: 'grüße 🙂', valid: true, bytes: whole.length - 1 }])
  }
})

t.test('invalid UTF-8 is told, and the next line is fine', async (t: Test) => {
  const { lines } = read([Buffer.from([0x61, 0xff, 0x62, 0x0a]), bytes('ok\n')])
  t.same(lines, [
    { text: 'a\ufffdb', valid: false, bytes: 3 },
    { text: 'ok', valid: true, bytes: 2 },
  ])
})

t.test(
  'a line at the limit passes, one over it is reported once with its size',
  async (t: Test) => {
    const long = [bytes('12345\n'), bytes('123'), bytes('456'), bytes('789\nok\n')]
    const { texts, overflows } = read(long, 5)
    t.same(texts, ['12345', 'ok'])
    t.same(overflows, [9])
  },
)

t.test('a line over the limit within one read is left out too', async (t: Test) => {
  const { texts, overflows } = read([bytes('a\n123456\nb\n')], 5)
  t.same(texts, ['a', 'b'])
  t.same(overflows, [6])
})

t.test('a line over the limit that never ends is reported at the end', async (t: Test) => {
  t.same(read([bytes('1234'), bytes('5678')], 5).overflows, [8])
})

t.test('100 MB without a newline neither hang nor pile up', async (t: Test) => {
  const chunk = Buffer.alloc(64 * 1024, 0x78)
  const count = 1600
  const { lines, overflows, peak } = read(Array.from({ length: count }, () => chunk))
  t.same(lines, [])
  t.same(overflows, [count * chunk.length])
  t.equal(peak, DEFAULT_MAX_LINE_BYTES, 'it holds the limit, and then nothing')
})

t.test('a line that comes byte by byte costs one copy of it', async (t: Test) => {
  const single = Buffer.from('x')
  const { lines } = read([...Array.from({ length: 200_000 }, () => single), bytes('\n')])
  t.equal(lines[0]?.bytes, 200_000)
})

t.test('however the bytes are cut, the lines are those of the text', async () => {
  const piece = fc.constantFrom('a', 'é', '🙂', '\n', 'bc', ' ')
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.nat(20)), (pieces, cuts) => {
      const text = pieces.join('')
      let rest = bytes(text)
      const chunks: Buffer[] = []
      for (const cut of cuts) {
        chunks.push(rest.subarray(0, cut))
        rest = rest.subarray(cut)
      }
      const expected = text.split('\n')
      if (expected.at(-1) === '') expected.pop()
      return JSON.stringify(read([...chunks, rest]).texts) === JSON.stringify(expected)
    }),
  )
})
