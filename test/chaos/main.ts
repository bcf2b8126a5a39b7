/** `npm run test:fault`: a long run of faults on real processes, from a seed that is printed first. */
import { writeFileSync } from 'node:fs'
import { readFlags } from '../run/flags.ts'
import { summary } from './report.ts'
import { run } from './run.ts'
import {
  countersScenario,
  longStreamScenario,
  type ScenarioResult,
  stalledReadersScenario,
} from './scenarios.ts'
import { namesOfFaults } from './schedule.ts'

const values = await readFlags({
  name: 'npm run test:fault --',
  purpose: 'A long run of faults on real processes (docs/reliability.md).',
  flags: {
    rounds: { type: 'number', default: 450, describe: 'Faults, one after the other' },
    seed: { type: 'number', describe: 'Of the choice of faults; random, and printed' },
    sessions: { type: 'number', default: 20, describe: 'Sessions that write all the time' },
    clients: { type: 'number', default: 5, describe: 'Clients that follow them' },
    hosts: { type: 'number', default: 2, describe: 'Agent hosts' },
    faults: { type: 'string', default: '', describe: 'Part of the names of faults, such as kill' },
    doubles: {
      type: 'number',
      default: 0.25,
      describe: 'Share of rounds with a second fault before the system has recovered',
    },
    transport: {
      type: 'string',
      choices: ['ipc', 'tcp'],
      default: 'ipc',
      describe: 'tcp is over 127.0.0.1',
    },
    minutes: { type: 'number', default: 1, describe: 'How long readers stall in their scenario' },
    scenarios: {
      type: 'string',
      choices: ['all', 'none', 'only'],
      default: 'all',
      describe: 'none leaves them out, only the rounds',
    },
    json: { type: 'string', describe: 'File for the result' },
  },
})
const seed = values.seed ?? Math.floor(Math.random() * 1e9)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** SIGTERM to this process alone: a run that turns out to take too long still has a verdict. */
const enough = new AbortController()
process.once('SIGTERM', () => enough.abort())

async function playRounds() {
  const result = await run({
    rounds: values.rounds,
    seed,
    sessions: values.sessions,
    clients: values.clients,
    hosts: values.hosts,
    doubles: values.doubles,
    transport: values.transport,
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
  const seconds = 60 * values.minutes
  return [
    told(await longStreamScenario({ numbers: 100_000, paceMs: 0.4, kills: 20 })),
    told(await countersScenario({ clients: 5, increments: 2000, kills: 20 })),
    told(await stalledReadersScenario({ readers: 100, seconds, everySeconds: 10 })),
  ]
}

say(`seed ${seed}`)
const rounds = values.scenarios === 'only' ? undefined : await playRounds()
const scenarios = values.scenarios === 'none' ? [] : await playScenarios()
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify({ ...rounds, scenarios }, undefined, 2))
}
const isGood =
  (rounds?.violations.length ?? 0) === 0 && scenarios.every(({ problems }) => problems.length === 0)
process.exitCode = isGood ? 0 : 1
