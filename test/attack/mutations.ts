/**
 * Takes out one defence after the other, each in a copy of the compiled product, and runs the test of its row: it has to
 * fail. Writes what came of it to recorded.json and docs/security.md. `--only WORD` runs the rows whose id has it.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  PAGE,
  pageWith,
  type Recorded,
  readRecords,
  removalHash,
  writeRecords,
} from './recorded.ts'
import { THREATS } from './threats/index.ts'
import type { Removal, Threat } from './threats/threat.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** A test that waits for what does not come any more fails after this, seconds. */
const PATIENCE_S = 60

interface Run {
  readonly hasPassed: boolean
  /** The first line of a failure. */
  readonly failed: string
}

/** A copy in which files may be changed. */
function copy(): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-without-'))
  cpSync(join(ROOT, 'dist'), join(dir, 'dist'), { recursive: true })
  for (const name of ['package.json', 'protocol', 'docs', 'test']) {
    symlinkSync(join(ROOT, name), join(dir, name))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  return dir
}

/** Runs one test, and no other of its file. */
async function run(dir: string, { file, test }: Threat): Promise<Run> {
  const child = spawn(process.execPath, [join(dir, 'dist/test', `${file}.test.js`)], {
    cwd: dir,
    env: { ...process.env, TAP_GREP: `/^${escaped(test)}$/`, TAP_TIMEOUT: String(PATIENCE_S) },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), (PATIENCE_S + 30) * 1000)
  const output: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const end = await new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal ?? 1))
  })
  clearTimeout(timer)
  const lines = output.join('').split('\n')
  const ran = lines.filter((line) => /^ *(not )?ok /.test(line) && !line.includes('# SKIP'))
  const failure = ran.find((line) => line.trimStart().startsWith('not ok'))
  if (end === 0 && ran.length > 0 && !failure) return { hasPassed: true, failed: '' }
  const what = failure?.replace(/^ *not ok \d+ - /, '').slice(0, 80)
  return { hasPassed: false, failed: what ?? `the process ended with ${end}` }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

/** Changes the files and gives back what restores them. Throws when a place is not there once. */
function take(dir: string, removals: readonly Removal[]): () => void {
  const originals = new Map<string, string>()
  for (const { file, find, replace } of removals) {
    const path = join(dir, 'dist', `${file}.js`)
    const text = readFileSync(path, 'utf8')
    if (text.split(find).length !== 2) throw new Error(`${file}.js does not have ${find} once`)
    if (!originals.has(path)) originals.set(path, text)
    writeFileSync(
      path,
      text.replace(find, () => replace),
    )
  }
  return () => {
    for (const [path, text] of originals) writeFileSync(path, text)
  }
}

async function check(dir: string, threat: Threat): Promise<Recorded | undefined> {
  const sound = await run(dir, threat)
  if (!sound.hasPassed) throw new Error(`fails with its defence: ${sound.failed}`)
  const restore = take(dir, threat.without)
  const broken = await run(dir, threat).finally(restore)
  if (broken.hasPassed) throw new Error('passes without its defence')
  return { removal: removalHash(threat), failed: broken.failed }
}

async function main(only: string): Promise<number> {
  const dir = copy()
  const records = { ...readRecords() }
  const wanted = THREATS.filter(({ id, without }) => without.length > 0 && id.includes(only))
  let failures = 0
  for (const threat of wanted) {
    try {
      const recorded = await check(dir, threat)
      if (recorded) records[threat.id] = recorded
      tell(`fails as it should: ${threat.id}: ${recorded?.failed}`)
    } catch (thrown) {
      failures += 1
      delete records[threat.id]
      tell(`WRONG: ${threat.id}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    }
  }
  rmSync(dir, { recursive: true, force: true })
  writeRecords(records)
  writeFileSync(PAGE, pageWith(readFileSync(PAGE, 'utf8'), readRecords()))
  tell(`${wanted.length - failures} of ${wanted.length} tests fail without their defence`)
  return failures === 0 ? 0 : 1
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

const [flag, word = ''] = process.argv.slice(2)
process.exitCode = await main(flag === '--only' ? word : '')
