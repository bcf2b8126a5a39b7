/** `npm run test:fault`: a long run of faults on real processes, from a seed that is printed first. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { summary } from './report.ts'
import { run } from './run.ts'
import {
  countersScenario,
  longStreamScenario,
  type ScenarioResult,
  stalledReadersScenario,
} from './scenarios.ts'
import { namesOfFaults } from './schedule.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '450' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    sessions: { type: 'string', default: '20' },
    clients: { type: 'string', default: '5' },
    hosts: { type: 'string', default: '2' },
    /** Part of the name of the faults to use, such as `kill`. */
    faults: { type: 'string', default: '' },
    /** Share of the rounds in which a second fault comes before the system has recovered. */
    doubles: { type: 'string', default: '0.25' },
    /** `ipc` or `tcp`, over 127.0.0.1. */
    transport: { type: 'string', default: 'ipc' },
    /** How long readers stall in the scenario with stalled readers. */
    minutes: { type: 'string', default: '1' },
    /** `none` leaves the scenarios out, `only` the rounds. */
    scenarios: { type: 'string', default: 'all' },
    json: { type: 'string' },
  },
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** SIGTERM to this process alone: a run that turns out to take too long still has a verdict. */
const enough = new AbortController()
process.once('SIGTERM', () => enough.abort())

async function playRounds() {
  const result = await run({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    sessions: Number(values.sessions),
    clients: Number(values.clients),
    hosts: Number(values.hosts),
    doubles: Number(values.doubles),
    transport: values.transport === 'tcp' ? 'tcp' : 'ipc',
    faults: namesOfFaults().filter((name) => name.includes(values.faults)),
    enough: enough.signal,
    maxCount: 60,
    paceMs: 40,
    livenessMs: 1000,
    recoveryMs: 10_000,
    say,
  })
  say(summary(result))
  return result
}

async function playScenarios(): Promise<ScenarioResult[]> {
  const told = (result: ScenarioResult): ScenarioResult => {
    say([result.line, ...result.problems].join('\n  '))
    return result
  }
  const seconds = 60 * Number(values.minutes)
  return [
    told(await longStreamScenario({ numbers: 100_000, paceMs: 0.4, kills: 20 })),
    told(await countersScenario({ clients: 5, increments: 2000, kills: 20 })),
    told(await stalledReadersScenario({ readers: 100, seconds, everySeconds: 10 })),
  ]
}

say(`seed ${values.seed}`)
const rounds = values.scenarios === 'only' ? undefined : await playRounds()
const scenarios = values.scenarios === 'none' ? [] : await playScenarios()
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify({ ...rounds, scenarios }, undefined, 2))
}
const isGood =
  (rounds?.violations.length ?? 0) === 0 && scenarios.every(({ problems }) => problems.length === 0)
process.exitCode = isGood ? 0 : 1
