/** `npm run test:fault`: a long run of faults on real processes, from a seed that is printed first. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { summary } from './report.ts'
import { run } from './run.ts'
import { type FaultName, namesOfFaults } from './schedule.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    sessions: { type: 'string', default: '20' },
    clients: { type: 'string', default: '5' },
    hosts: { type: 'string', default: '2' },
    /** Part of the name of the faults to use, such as `kill`. */
    faults: { type: 'string', default: '' },
    json: { type: 'string' },
  },
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

say(`seed ${values.seed}`)
const faults: FaultName[] = namesOfFaults().filter((name) => name.includes(values.faults))
const result = await run({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  sessions: Number(values.sessions),
  clients: Number(values.clients),
  hosts: Number(values.hosts),
  faults,
  maxCount: 60,
  paceMs: 40,
  livenessMs: 1000,
  say,
})
say(summary(result))
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(result, undefined, 2))
process.exitCode = result.violations.length > 0 ? 1 : 0
