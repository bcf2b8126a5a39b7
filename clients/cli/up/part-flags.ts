/** The command lines of the parts that `agentmq up` starts, and where their logs go. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PartName } from '../parts.ts'
import type { PartSpec } from './supervisor.ts'

export interface UpFlags {
  readonly dir?: string | undefined
  readonly endpoint?: string | undefined
  readonly config?: string | undefined
  readonly 'log-level'?: string | undefined
  readonly name?: string | undefined
  readonly label?: readonly string[] | undefined
  readonly slots?: number | undefined
  readonly listen?: string | undefined
  readonly 'listen-streams'?: string | undefined
  readonly advertise?: string | undefined
}

/** The directory of the logs; made with the rights of the state directory. */
export function logDirectory(stateDir: string): string {
  const directory = join(stateDir, 'logs')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

export function logFile(directory: string, part: PartName): string {
  return join(directory, `${part}.log`)
}

/** The host and the shim need the broker, and not each other. */
export function partSpec(part: PartName, flags: UpFlags, logs: string): PartSpec {
  return { part, flags: partFlags(part, flags, logs), mayOverlap: part === 'host' }
}

function partFlags(part: PartName, flags: UpFlags, logs: string): string[] {
  const shared = [
    ...flag('dir', flags.dir),
    ...flag('endpoint', flags.endpoint),
    ...flag('config', flags.config),
    ...flag('log-level', flags['log-level']),
    ...flag('log-file', logFile(logs, part)),
  ]
  if (part === 'broker') return [...shared, ...networkFlags(flags)]
  // What else there is on this machine is no reason not to run here.
  if (part === 'shim') return [...shared, '--no-http-required']
  return [
    ...shared,
    ...flag('name', flags.name),
    ...flag('slots', flags.slots),
    ...(flags.label ?? []).flatMap((label) => flag('label', label)),
  ]
}

function networkFlags(flags: UpFlags): string[] {
  const names = ['listen', 'listen-streams', 'advertise'] as const
  return names.flatMap((name) => flag(name, flags[name]))
}

function flag(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`--${name}`, String(value)]
}
