#!/usr/bin/env node
/**
 * `descartes-daemon`: what `agentmq up` runs, for programs that start the old daemon by its name and its
 * flags. Beside a broker that runs already, it is the shim alone.
 */
import { readFileSync } from 'node:fs'
import { resolvePlaces } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Globals } from './command.ts'
import { type DaemonFlags, readDaemonFlags } from './daemon/flags.ts'
import { type PartSettings, partSettings } from './daemon/shim-settings.ts'
import { type DaemonConfig, NO_CONFIG, readDaemonConfig } from './daemon/toml-config.ts'
import { EXIT } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { Interrupts } from './interrupts.ts'
import { Output } from './output.ts'
import { cliEntry, type PartName } from './parts.ts'
import { readOwnPlace, withoutContext } from './settings.ts'
import { logDirectory, logFile } from './up/part-flags.ts'
import { Progress } from './up/progress.ts'
import { brokerPid } from './up/running-broker.ts'
import { supervise } from './up/supervise.ts'
import { Supervisor } from './up/supervisor.ts'

/** The old daemon has no flags for these: environment and config file of agentmq hold as they do for `up`. */
const NOTHING_SAID: Globals = {
  ...{ json: false, debug: false, 'foreign-socket': undefined },
  ...{ dir: undefined, endpoint: undefined, context: undefined, config: undefined },
  ...{ 'broker-key': undefined, 'key-file': undefined },
}

const { stdout, stderr, env } = process
const output = new Output({ stdout, stderr, env, json: false })

function version(): string {
  const file = new URL('../../../package.json', import.meta.url)
  return String(JSON.parse(readFileSync(file, 'utf8')).version)
}

/** Throws BAD_CONFIG. */
function configOf({ config }: DaemonFlags): DaemonConfig {
  if (config === undefined) return NO_CONFIG
  return readDaemonConfig(textOf(config), config)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('BAD_CONFIG', { source: path, reason }, { where: 'cli', cause })
  }
}

async function run(flags: DaemonFlags): Promise<number> {
  const settings = partSettings(flags, configOf(flags))
  const places = resolvePlaces(env, readOwnPlace({ env, globals: NOTHING_SAID }))
  const logs = logDirectory(places.stateDir)
  const pid = await brokerPid(places.endpoint, `descartes-daemon/${version()}`)
  // The shim before the host: who has started this waits for HTTP, and not for long.
  const parts: readonly PartName[] = pid === undefined ? ['broker', 'shim', 'host'] : ['shim']
  const progress = new Progress(output)
  const say = (line: string): void => {
    if (!settings.isQuiet) progress.labelled('daemon', line)
  }
  const supervisor = new Supervisor({
    entry: cliEntry(),
    env: withoutContext(env),
    parts: parts.map((part) => specOf(part, settings, logs)),
    tell: (event) => {
      if (!settings.isQuiet) progress.tell(event)
      else if (event.type === 'said') output.alert(event.line) // what a part says is never small talk
    },
  })
  for (const note of settings.notes) say(note)
  if (pid !== undefined) say(`a broker runs already (pid ${pid}), so this is the shim alone`)
  const interrupts = new Interrupts(process, (name) => process.kill(process.pid, name))
  try {
    return await supervise(supervisor, { interrupts, output }, async () => say(`logs ${logs}`))
  } finally {
    interrupts.close()
  }
}

function specOf(part: PartName, settings: PartSettings, logs: string) {
  const { logLevel, shim, secrets } = settings
  const flags = [
    ...['--log-file', settings.logFile ?? logFile(logs, part)],
    ...(logLevel === undefined ? [] : ['--log-level', logLevel]),
  ]
  if (part === 'shim') return { part, flags: [...flags, ...shim], env: secrets }
  return { part, flags, mayOverlap: part === 'broker' }
}

async function main(): Promise<number> {
  try {
    const flags = await readDaemonFlags(process.argv.slice(2), version())
    if (typeof flags !== 'string') return await run(flags)
    output.line(flags)
    return EXIT.ok
  } catch (thrown) {
    return reportFailure(thrown, output, env['AGENTMQ_DEBUG'] === '1')
  }
}

process.exitCode = await main()
