import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { BackendEvent } from '../../agent-host/backends/backend.ts'
import { StreamJsonDriver } from '../../agent-host/backends/stream-json.ts'
import { NO_CHILD } from '../support/driver-port.ts'

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
  const options = { session: 's', cwd: '/', env: {}, nativeSessionId: 'native', resume: false }
  const driver = new StreamJsonDriver(options, {
    ...NO_CHILD,
    writeLine: (line) => written.push(line),
    emit: (event) => events.push(event),
    newId: () => 'id',
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
  const damage = fc.constantFrom('drop', 'repeat', 'cut', 'swap', 'nest', 'retype')
  fc.assert(
    fc.property(
      fc.constantFrom(...NAMES),
      fc.array(fc.tuple(damage, fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 }),
      (name, damages) => {
        const lines = damages.reduce<readonly string[]>(spoil, linesOf(name))
        return isOrderly(play(lines).events)
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
      return isOrderly(play(lines).events)
    }),
  )
})

type Damage = [kind: string, at: number, how: number]

/** One kind of harm to one line, such as a CLI of another version or a torn pipe could do. */
function spoil(lines: readonly string[], [kind, at, how]: Damage): readonly string[] {
  if (lines.length === 0) return lines
  const index = at % lines.length
  const line = lines[index] ?? ''
  const other = lines[how % lines.length] ?? ''
  if (kind === 'drop') return lines.toSpliced(index, 1)
  if (kind === 'repeat') return lines.toSpliced(index, 0, other)
  if (kind === 'swap') return lines.with(index, other)
  if (kind === 'cut') return lines.with(index, line.slice(0, how % (line.length + 1)))
  if (kind === 'nest') return lines.with(index, line.replaceAll(/"[a-z]+"(?=[,}])/g, '{"a":[1]}'))
  return lines.with(index, line.replace(/:"[^"]*"/, ':7'))
}

/** Each tool call has one start before one result, within its turn; diagnostics are short. */
function isOrderly(events: readonly BackendEvent[]): boolean {
  const open = new Set<string>()
  for (const event of events) {
    if (event.type === 'tool_use_start') open.add(event.toolId)
    if (event.type === 'tool_use_input' && !open.has(event.toolId)) return false
    if (event.type === 'tool_result' && !open.delete(event.toolId)) return false
    if (event.type === 'turn_end' && open.size > 0) return false
    if (event.type === 'diagnostic' && event.message.length > 200) return false
  }
  return open.size === 0
}
