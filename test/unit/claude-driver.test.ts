import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { BackendEvent } from '../../agent-host/backends/backend.ts'
import { StreamJsonDriver } from '../../agent-host/backends/stream-json.ts'
import { NO_CHILD } from '../support/driver-port.ts'
import { DAMAGES, isOrderly, spoil } from '../support/transcript-player.ts'

/** Recorded with Claude Code 2.1.330; beside each, the events that a reader of it should get. */
const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/claude')
const NAMES = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.ndjson'))
  .map((file) => file.slice(0, -'.ndjson'.length))

const linesOf = (name: string): string[] =>
  readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
    .split('\n')
    .filter(Boolean)

/** Plays lines to a driver; each `init` is the answer to a prompt. */
function play(lines: readonly string[]) {
  const events: BackendEvent[] = []
  const written: string[] = []
  let ids = 0
  const options = { session: 's', cwd: '/', env: {}, nativeSessionId: 'native', resume: false }
  const driver = new StreamJsonDriver(options, {
    ...NO_CHILD,
    writeLine: (line) => written.push(line),
    emit: (event) => events.push(event),
    newId: () => `id-${++ids}`,
  })
  driver.started()
  for (const line of lines) {
    if (line.includes('"subtype":"init"')) driver.prompt('hello')
    driver.line(line)
  }
  driver.ended()
  return { events, written }
}

for (const name of NAMES) {
  t.test(`${name} becomes the events that were reviewed for it`, async (t: Test) => {
    const expected: unknown = JSON.parse(
      readFileSync(join(FIXTURES, `${name}.events.json`), 'utf8'),
    )
    t.strictSame(play(linesOf(name)).events, expected)
  })
}

t.test('whatever is done to the lines, nothing throws and tools and turns stay whole', async () => {
  const damage = fc.constantFrom(...DAMAGES)
  fc.assert(
    fc.property(
      fc.constantFrom(...NAMES),
      fc.array(fc.tuple(damage, fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 }),
      (name, damages) => {
        const lines = damages.reduce<readonly string[]>(spoil, linesOf(name))
        return isOrderly(play(lines).events, undefined, true)
      },
    ),
    { numRuns: 500 },
  )
})

t.test('any JSON at all is survived', async () => {
  const types = ['system', 'stream_event', 'assistant', 'user', 'result', 'control_request']
  const keys = ['message', 'event', 'content', 'id', 'delta', 'text', 'index', 'request', 'usage']
  const record = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue(), { maxKeys: 5 })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...types), record)), (messages) => {
      const lines = messages.map(([type, fields]) => JSON.stringify({ type, ...fields }))
      return isOrderly(play(lines).events, undefined, true)
    }),
  )
})
