import { readFileSync } from 'node:fs'
import t from 'tap'
import { decodeBundle, encodeBundle, type Message, type Received } from '../../protocol/bundle.ts'
import { decodeUntrusted, EMPTY, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { MESSAGES } from '../../protocol/messages/index.ts'
import { matches } from '../../protocol/schema.ts'
import { fromPlain, type Golden, goldenFiles, type Refused } from './golden.ts'

const FIXTURES = new URL('../../../test/conformance/fixtures/', import.meta.url)
const stored = (file: string) => readFileSync(new URL(file, FIXTURES), 'utf8')
const read = <T>(file: string) => JSON.parse(stored(file)) as readonly T[]
const hex = (text: string) => Buffer.from(text, 'hex')

const GOLDEN = [...read<Golden>('messages.json'), ...read<Golden>('bundles.json')]

const given = ({ messages }: Golden): Message[] =>
  messages.map(({ head, body }) => ({
    head,
    body: body === undefined ? EMPTY : encode(fromPlain(body)),
  }))

t.test('the frames of every fixture decode to its heads and bodies', async (t) => {
  for (const golden of GOLDEN) {
    const received = decodeBundle([hex(golden.heads), hex(golden.bodies)])
    const decoded = received.map((entry) => {
      if (!entry.ok) return entry.error.code
      const { head, body } = entry.message
      return body.length === 0 ? { head } : { head, body: decodeUntrusted(body) }
    })
    t.strictSame(
      decoded,
      golden.messages.map((message) => fromPlain(message)),
      golden.name,
    )
  }
})

t.test('the heads and bodies of every fixture encode to its frames', async (t) => {
  for (const golden of GOLDEN) {
    const { heads, bodies } = encodeBundle(given(golden))
    t.equal(heads.toString('hex'), golden.heads, golden.name)
    t.equal(bodies.toString('hex'), golden.bodies, golden.name)
  }
})

t.test(
  'the fixtures have valid bodies, and there is one for each kind and chunk type',
  async (t) => {
    for (const { head, body } of GOLDEN.flatMap(({ messages }) => messages)) {
      const schema = MESSAGES[head.kind].body
      if (typeof schema === 'object') t.ok(matches(schema, fromPlain(body)), head.kind)
    }
    const heads = GOLDEN.flatMap(({ messages }) => messages.map(({ head }) => head))
    t.same(new Set(heads.map(({ kind }) => kind)), new Set(Object.keys(MESSAGES)))
    const types = heads.flatMap((head) => (head.kind === 'CHUNK' ? [head.type] : []))
    t.same(new Set(types), new Set(Object.values(CHUNK_CODES)))
  },
)

const outcome = (entry: Received) => (entry.ok ? entry.message.head.kind : entry.error.code)

t.test('frames that are not allowed are refused as their fixture says', async (t) => {
  for (const { name, frames, error, entries } of read<Refused>('refused.json')) {
    try {
      t.same(decodeBundle(frames.map(hex)).map(outcome), entries, name)
    } catch (thrown) {
      t.ok(thrown instanceof ProtocolError && thrown.code === error, name)
    }
  }
})

t.test('the fixture files are those that `npm run docs` writes', async (t) => {
  for (const [file, text] of Object.entries(goldenFiles())) t.equal(stored(file), text, file)
})
