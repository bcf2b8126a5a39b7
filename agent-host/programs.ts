/**
 * Which file a program of the config is. Settled by the host, from its own directory and its own PATH: a
 * session chooses where it works, and what lies there must not decide what runs.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { Detection } from './backends/backend.ts'

interface Program {
  readonly command: string
}

interface ProgramSettings<P extends Program> {
  readonly claude_command: string
  readonly codex_command: string
  readonly opencode_command: string
  readonly gemini_command: string
  readonly acp_agents: Readonly<Record<string, P>>
  readonly stdio_commands: Readonly<Record<string, P>>
}

/** The settings with each relative path as it is meant: as seen from the directory of the host. */
export function seenFromHere<A extends Program, S extends Program>(
  settings: ProgramSettings<A | S> & {
    readonly acp_agents: Readonly<Record<string, A>>
    readonly stdio_commands: Readonly<Record<string, S>>
  },
) {
  return {
    claude_command: placed(settings.claude_command),
    codex_command: placed(settings.codex_command),
    opencode_command: placed(settings.opencode_command),
    gemini_command: placed(settings.gemini_command),
    acp_agents: eachPlaced(settings.acp_agents),
    stdio_commands: eachPlaced(settings.stdio_commands),
  }
}

function eachPlaced<P extends Program>(programs: Readonly<Record<string, P>>): Record<string, P> {
  const entries = Object.entries(programs)
  return Object.fromEntries(
    entries.map(([name, program]) => [name, { ...program, command: placed(program.command) }]),
  )
}

function placed(command: string): string {
  return command.includes('/') ? resolve(command) : command
}

/** Where the system itself looks when there is no PATH. */
const USUAL_PATH = '/usr/local/bin:/bin:/usr/bin'

/** A detection whose command is the path of a file; not available when there is none. */
export function settled(detection: Detection, searchPath = USUAL_PATH): Detection {
  if (!detection.available) return detection
  const command = pathOf(detection.command, searchPath)
  if (command !== undefined) return { ...detection, command }
  return { available: false, reason: `there is no command ${detection.command}` }
}

function pathOf(command: string, searchPath: string): string | undefined {
  if (command.includes('/')) return command
  return directoriesOf(searchPath)
    .map((directory) => join(directory, command))
    .find(isExecutable)
}

/**
 * A PATH without what would be looked for in the directory in which a session works; undefined when nothing is
 * left, since an empty one means that directory alone.
 */
export function absolutePath(searchPath: string): string | undefined {
  return directoriesOf(searchPath).join(delimiter) || undefined
}

function directoriesOf(searchPath: string): string[] {
  return searchPath.split(delimiter).filter(isAbsolute)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
