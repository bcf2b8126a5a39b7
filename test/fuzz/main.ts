/** `npm run fuzz`: a long run of all targets, or of one, from a seed that is printed first. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { readFlags } from '../run/flags.ts'
import { replay } from './attempt.ts'
import { parseCase } from './case.ts'
import { CORPUS, keepCase } from './corpus.ts'
import { type Job, playAll } from './pool.ts'
import type { Finding, Report } from './run.ts'
import { divide } from './shares.ts'
import { isTarget, makeTarget, TARGETS, type TargetName } from './targets/index.ts'

const values = await readFlags({
  name: 'npm run fuzz --',
  purpose: 'Feeds random bytes to whatever takes bytes from outside (docs/security.md).',
  flags: {
    cases: {
      type: 'number',
      default: 100_000,
      describe: 'Of all targets; with --minutes, a round',
    },
    seed: { type: 'number', describe: 'Random, and printed' },
    only: { type: 'string', default: '', describe: 'Targets, with commas between them' },
    minutes: { type: 'number', describe: 'Play rounds, each with the next seed, for so long' },
    corpus: { type: 'string', default: CORPUS, describe: 'Where findings are written' },
    workers: { type: 'number', default: availableParallelism(), describe: 'At a time' },
    replay: { type: 'string', describe: 'Play one file of the corpus' },
  },
})
const firstSeed = values.seed ?? Math.floor(Math.random() * 1e9)

/** Of a finding, on the screen. */
const SHOWN_PIECES = 12
const SHOWN_BYTES = 64

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

interface Sum {
  cases: number
  tookMs: number
  findings: number
}

const sums = new Map<string, Sum>()

function sumOf(target: string): Sum {
  const sum = sums.get(target) ?? { cases: 0, tookMs: 0, findings: 0 }
  sums.set(target, sum)
  return sum
}

function found(finding: Finding): void {
  const { target, seed, index, problem, input, isReproduced } = finding
  sumOf(target).findings += 1
  const where = `${target}, case ${index} of seed ${seed}`
  const comment = `${problem.text}\n${where}`
  const path = keepCase(target, input, comment, resolve(values.corpus))
  say(`FOUND ${where}: ${problem.text}${isReproduced ? '' : ' (not seen again, or never tried)'}`)
  for (const piece of input.slice(0, SHOWN_PIECES)) say(`  ${shown(piece)}`)
  say(`  ${input.length} pieces, kept as ${path}`)
}

/** The file has all of it. */
function shown(piece: Buffer): string {
  const text = piece.toString('hex', 0, SHOWN_BYTES) || '-'
  return piece.length > SHOWN_BYTES ? `${text}… (${piece.length} bytes)` : text
}

function reported({ target, cases, tookMs }: Report): void {
  const sum = sumOf(target)
  sum.cases += cases
  sum.tookMs += tookMs
  say(`${target}: ${cases.toLocaleString('en')} cases in ${Math.round(tookMs / 1000)} s`)
}

function wanted(): TargetName[] {
  const names = values.only === '' ? Object.keys(TARGETS) : values.only.split(',')
  return names.map((name) => {
    if (isTarget(name)) return name
    throw new Error(`no target ${name}; there are ${Object.keys(TARGETS).join(', ')}`)
  })
}

async function play(): Promise<void> {
  const { minutes, workers } = values
  const until = minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + minutes * 60_000
  for (let round = 0; round === 0 || (minutes !== undefined && Date.now() < until); round += 1) {
    const seed = firstSeed + round
    const jobs = [...divide(values.cases, wanted())].map(([target, cases]): Job => {
      return { target, seed, cases }
    })
    await playAll(jobs, { workers, until, onFinding: found, onReport: reported })
  }
}

function row(name: string, { cases, tookMs, findings }: Sum): string {
  const rate = Math.round((cases * 1000) / Math.max(1, tookMs))
  const cells = [cases, rate, findings].map((value) => value.toLocaleString('en').padStart(11))
  return `${name.padEnd(12)}${cells.join('')}`
}

function summary(tookMs: number): void {
  say(
    `${'target'.padEnd(12)}${['cases', 'cases/s', 'findings'].map((t) => t.padStart(11)).join('')}`,
  )
  const all = { cases: 0, tookMs, findings: 0 }
  for (const [name, sum] of sums) {
    say(row(name, sum))
    all.cases += sum.cases
    all.findings += sum.findings
  }
  say(row('all', all))
  say(`${Math.round(tookMs / 1000)} s, ${values.workers} at a time`)
}

async function playAgain(path: string): Promise<boolean> {
  const name = basename(dirname(resolve(path)))
  if (!isTarget(name)) throw new Error(`${path} is in no folder of a target`)
  const target = await makeTarget(name, firstSeed)
  const problem = await replay(target, [parseCase(readFileSync(path, 'utf8'))])
  say(problem ? `${path}: ${problem.text}` : `${path}: nothing is wrong`)
  return problem === undefined
}

async function main(): Promise<boolean> {
  if (values.replay !== undefined) return playAgain(values.replay)
  say(`seed ${firstSeed}`)
  const startedAt = performance.now()
  await play()
  summary(performance.now() - startedAt)
  return [...sums.values()].every(({ findings }) => findings === 0)
}

process.exitCode = (await main()) ? 0 : 1
