/**
 * Brings the real CLIs into the cache, each into a folder of its own: `node install.js [name...]`.
 * Prints for each where it is or why it is missing. A missing CLI is not this program's failure: the
 * tests that need it fail by themselves, and those of the other CLIs still run.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CLI_NAMES, CLIS, type Cli, type CliName, cacheFolder, findCli, STAMP } from './clis.ts'
import { withLock } from './lock.ts'

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

/** Runs npm with its output on ours; throws when it fails. */
async function npmInstall(folder: string): Promise<void> {
  // The packages hold finished programs: their install scripts only link them.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  const child = spawn('npm', ['install', '--prefix', folder, ...flags], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new Error(`npm install ended with ${signal ?? code}`)
}

async function install(name: CliName, version: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await rm(join(folder, STAMP), { force: true })
  const manifest = { private: true, dependencies: { [CLIS[name].package]: version } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await npmInstall(folder)
  await writeFile(join(folder, STAMP), JSON.stringify({ version }))
}

/** Looks again once it holds the lock: whoever held it before may have done the work. */
async function ensure(name: CliName, cache: string): Promise<Cli> {
  const cli = findCli(name, cache)
  if (cli.state !== 'absent') return cli
  const folder = join(cache, name)
  const work = async (): Promise<Cli> => {
    if (findCli(name, cache).state === 'ready') return findCli(name, cache)
    say(`${name} ${cli.version}: installing into ${folder}`)
    await install(name, cli.version, folder)
    return findCli(name, cache)
  }
  return withLock(folder, work, () => say(`${name}: waiting for another installation`))
}

async function report(name: CliName): Promise<void> {
  const start = performance.now()
  try {
    const cli = await ensure(name, cacheFolder())
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    if (cli.state === 'ready') say(`${name} ${cli.version}: ${cli.path} (${seconds} s)`)
    else say(`${name} is missing: ${cli.reason}`)
  } catch (error) {
    say(`${name} is missing: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const isCliName = (name: string): name is CliName => Object.hasOwn(CLIS, name)

const named = process.argv.slice(2)
const unknown = named.filter((name) => !isCliName(name))
if (unknown.length > 0) {
  say(`unknown: ${unknown.join(', ')}; known: ${CLI_NAMES.join(', ')}`)
  process.exitCode = 1
} else {
  for (const name of named.length > 0 ? named.filter(isCliName) : CLI_NAMES) await report(name)
}
