/** Conversations with real CLIs, played back: the driver says what it said, and reports what was reviewed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Backend } from '../../agent-host/backends/backend.ts'
import { createBackends } from '../../agent-host/backends/index.ts'
import { read, type Transcript } from '../support/transcript.ts'
import { DAMAGES, type Damage, damage, isOrderly, play } from '../support/transcript-player.ts'

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures')
const SUFFIX = '.transcript.ndjson'

/** The backends that have transcripts, by the folder of their fixtures. */
const { codex, opencode, gemini } = createBackends()
const BACKENDS: Readonly<Record<string, Backend>> = { codex, opencode, gemini }

const ALL = Object.entries(BACKENDS).flatMap(([folder, backend]) =>
  readdirSync(join(FIXTURES, folder))
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => {
      const path = join(FIXTURES, folder, file.slice(0, -SUFFIX.length))
      const transcript = read(readFileSync(`${path}${SUFFIX}`, 'utf8'))
      return { name: `${folder} ${file.slice(0, -SUFFIX.length)}`, path, backend, transcript }
    }),
)

const promptsOf = ({ entries }: Transcript): number =>
  entries.filter((entry) => 'do' in entry && entry.do === 'prompt').length

for (const { name, path, backend, transcript } of ALL) {
  t.test(
    `${name} is driven as it was, and becomes the events that were reviewed`,
    async (t: Test) => {
      const expected: unknown = JSON.parse(readFileSync(`${path}.events.json`, 'utf8'))
      const { events, deviations } = play(backend, transcript)
      t.strictSame(deviations, [])
      t.strictSame(events, expected)
      t.ok(isOrderly(events, promptsOf(transcript)))
    },
  )
}

t.test(
  'whatever is done to the lines, nothing throws and tools and turns stay whole',
  async (t) => {
    t.ok(ALL.length > 0)
    const one: fc.Arbitrary<Damage> = fc.tuple(fc.constantFrom(...DAMAGES), fc.nat(), fc.nat())
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL),
        fc.array(one, { minLength: 1, maxLength: 12 }),
        ({ backend, transcript }, damages) => {
          const { events } = play(backend, damage(transcript, damages))
          return isOrderly(events, promptsOf(transcript), backend.name === 'claude')
        },
      ),
      { numRuns: 1000 },
    )
  },
)

t.test('a whole item that comes twice is told once', async (t: Test) => {
  for (const { name, backend, transcript } of ALL) {
    const entries = transcript.entries.flatMap((entry) =>
      'out' in entry && isWhole(entry.out) ? [entry, entry] : [entry],
    )
    t.strictSame(saidBy(backend, { ...transcript, entries }), saidBy(backend, transcript), name)
  }
})

/** Lines that repeat as a whole what was streamed before. */
function isWhole(line: unknown): boolean {
  return JSON.stringify(line).includes('"item/completed"')
}

function saidBy(backend: Backend, transcript: Transcript): string {
  const { events } = play(backend, transcript)
  return events.map((event) => ('content' in event ? event.content : '')).join('')
}
