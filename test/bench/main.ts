/**
 * `npm run bench`: runs the measures of docs/benchmarks.md, ours and the peers in turn, and shows them. With
 * `--check` (`npm run bench:check`) only ours and the raw floor, compared with the committed results.
 */
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFlags } from '../run/flags.ts'
import { GROWTHS } from './growth/index.ts'
import { runGrowth } from './growth/run.ts'
import { MEASURES } from './measures/index.ts'
import { type Contestant, type Measure, OURS } from './measures/measure.ts'
import { findPeers, type Peers } from './peers.ts'
import { compare, comparisonText, isWorse } from './report/compare.ts'
import { plotFile } from './report/growth-markdown.ts'
import type { GrowthResult } from './report/growth-result.ts'
import { replaceResults } from './report/markdown.ts'
import { merged } from './report/merge.ts'
import { plotSvg } from './report/plot/plot.ts'
import { profilesText } from './report/profiles.ts'
import type { MeasureResult, Results } from './report/result.ts'
import { measureText } from './report/text-table.ts'
import { endStages, runMeasure } from './run.ts'
import { machine, versions } from './stage/machine.ts'

// Compiled, this file lies in dist/test/bench.
const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url))
const PAGE = `${DOCS}benchmarks.md`
const COMMITTED = `${DOCS}benchmarks/latest.json`

const values = await readFlags({
  name: 'npm run bench --',
  purpose: 'Measures agentmq beside raw ZeroMQ, NATS and Redis (docs/benchmarks.md).',
  flags: {
    only: { type: 'string', array: true, describe: 'Measures whose name has this in it' },
    quick: { type: 'boolean', default: false, describe: 'Small loads and two repeats' },
    repeats: { type: 'number', describe: 'Runs of each contestant, 5 by default' },
    json: { type: 'string', describe: 'File for the results' },
    'write-docs': {
      type: 'boolean',
      default: false,
      describe: 'Write them into docs/benchmarks.md as well',
    },
    check: {
      type: 'boolean',
      default: false,
      describe: 'Ours and the raw floor alone, compared with the committed results',
    },
    place: {
      type: 'string',
      default: tmpdir(),
      describe: 'Directory for temporary files, on the disk that is to be measured',
    },
    profile: {
      type: 'string',
      describe: 'Directory for CPU profiles of all Node processes; they cost speed',
    },
  },
})

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

const isQuick = values.quick || values.check
const repeats = values.repeats ?? (isQuick ? 2 : 5)
const place = realpathSync(values.place)

const wanted = (name: string) => values.only?.some((part) => name.includes(part)) ?? true
/** Has a floor to compare with, in a quick run too. */
const canBeChecked = ({ floor, isSmallerWhenQuick }: Measure) =>
  floor !== undefined && isSmallerWhenQuick === undefined
const chosen = MEASURES.filter(
  (measure) => wanted(measure.name) && (!values.check || canBeChecked(measure)),
)
/** Nothing of them is compared with a floor. */
const growths = values.check ? [] : GROWTHS.filter(({ name }) => wanted(name))

function takesPart({ floor }: Measure, { name }: Contestant): boolean {
  return !values.check || name === OURS || name === floor
}

async function runAll(peers: Peers): Promise<Results> {
  const profiles = values.profile && resolve(values.profile)
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true })
  const head = {
    machine: machine(place),
    versions: versions(peers),
    settings: { quick: isQuick, repeats, profiled: profiles !== undefined },
  }
  say(JSON.stringify(head, undefined, 2))
  const options = { isQuick, repeats, peers, takesPart, say, place, profiles }
  const measures: MeasureResult[] = []
  for (const measure of chosen) {
    const result = await runMeasure(measure, options)
    measures.push(result)
    say(`\n${measureText(result)}`)
  }
  const grown: GrowthResult[] = []
  for (const growth of growths) grown.push(await runGrowth(growth, options))
  return { ...head, measures, ...(grown.length > 0 && { growth: { ...head, growths: grown } }) }
}

function readCommitted(): Results {
  return JSON.parse(readFileSync(COMMITTED, 'utf8')) as Results
}

function writeDocs(results: Results): void {
  mkdirSync(`${DOCS}benchmarks`, { recursive: true })
  const order = { measures: MEASURES, growths: GROWTHS }
  const all = values.only === undefined ? results : merged(readCommitted(), results, order)
  writeFileSync(COMMITTED, `${JSON.stringify(all, undefined, 2)}\n`)
  writeFileSync(PAGE, replaceResults(readFileSync(PAGE, 'utf8'), all))
  for (const growth of all.growth?.growths ?? []) {
    if (growth.failed === '') writeFileSync(`${DOCS}${plotFile(growth)}`, plotSvg(growth))
  }
}

function check(results: Results): void {
  const comparisons = compare(readCommitted(), results)
  say(`\n${comparisons.map(comparisonText).join('\n')}`)
  if (comparisons.some(isWorse)) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    say(`${signal}: ending what was started`)
    void endStages().finally(() => process.exit(1))
  })
}

if (chosen.length + growths.length === 0) {
  say(
    `no such measure; there are:\n${[...MEASURES, ...GROWTHS].map(({ name }) => name).join('\n')}`,
  )
  process.exit(2)
}
const results = await runAll(await findPeers())
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, undefined, 2))
if (values['write-docs']) writeDocs(results)
if (values.check) check(results)
if (values.profile !== undefined) say(`\n${profilesText(values.profile)}`)
