/** A short run of faults on real processes; `npm run test:fault` makes long ones. */
import t from 'tap'
import { summary } from '../chaos/report.ts'
import { run } from '../chaos/run.ts'
import { countersScenario, longStreamScenario, stalledReadersScenario } from '../chaos/scenarios.ts'

t.setTimeout(390_000) // a busy machine may be slow, that alone is no failure

const SMALL = {
  sessions: 3,
  clients: 2,
  hosts: 2,
  maxCount: 30,
  paceMs: 20,
  livenessMs: 1000,
  recoveryMs: 60_000,
  enough: new AbortController().signal,
}

t.test('nothing is lost, doubled or left behind when processes are killed', async (t) => {
  const faults = ['broker kill', 'host kill', 'agent kill', 'client kill'] as const
  const options = { ...SMALL, transport: 'ipc', seed: 7, rounds: 6, faults, doubles: 0.5 } as const
  const result = await run({ ...options, say: (line) => t.comment(line) })
  t.strictSame(result.violations, [], summary(result))
  t.ok(result.totals.shown > 100, `${result.totals.shown} chunks were shown`)
})

t.test('nor when they stop for a while, restart, or the network fails', async (t) => {
  const faults = [
    'broker restart',
    'broker short stop',
    'host restart',
    'host long stop',
    'net cut',
    'net delay',
    'net long hold',
    'net half-open',
    'net refuse',
  ] as const
  const options = { ...SMALL, transport: 'tcp', seed: 3, rounds: 7, faults, doubles: 0 } as const
  const result = await run({ ...options, say: (line) => t.comment(line) })
  t.strictSame(result.violations, [], summary(result))
  t.ok(result.totals.shown > 100, `${result.totals.shown} chunks were shown`)
})

t.test('a reader of a long turn goes on through kills of the broker', async (t) => {
  const { line, problems } = await longStreamScenario({ numbers: 4000, paceMs: 0.5, kills: 2 })
  t.strictSame(problems, [], line)
})

t.test('clients that count by compare-and-set lose and double nothing', async (t) => {
  const { line, problems } = await countersScenario({ clients: 3, increments: 100, kills: 2 })
  t.strictSame(problems, [], line)
  t.comment(line)
})

t.test('readers that do not read cost the broker little', async (t) => {
  const options = { readers: 10, seconds: 4, everySeconds: 1 }
  const { line, problems } = await stalledReadersScenario(options)
  t.strictSame(problems, [], line)
})
