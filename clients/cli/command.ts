/** What a command file exports, and what a command gets to work with. */
import type { Argv } from 'yargs'
import type { Interrupts } from './interrupts.ts'
import type { Output } from './output.ts'

/** Flags that every command takes. */
export interface Globals {
  json: boolean
  dir: string | undefined
  endpoint: string | undefined
  context: string | undefined
  config: string | undefined
  'broker-key': string | undefined
  'key-file': string | undefined
  'foreign-socket': boolean | undefined
  debug: boolean
}

/** The world of a command: nothing else is read from the process. */
export interface Cli {
  readonly globals: Readonly<Globals>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly output: Output
  readonly interrupts: Interrupts
  /** Aborted when the command shall end: nobody has taken an interrupt, or nobody reads its output. */
  readonly signal: AbortSignal
  readonly input: NodeJS.ReadStream
  /** Name and version, as the broker sees it. */
  readonly software: string
  /** The working directory, where agents on this machine start. */
  readonly cwd: string
}

/** The arguments that a builder gives. */
export type ArgsOf<B> = B extends (yargs: Argv<Globals>) => Argv<infer T>
  ? T & { readonly '--'?: unknown }
  : never

/** A command file. The handler resolves with the exit code; what it throws is reported by main. */
export interface CommandModule {
  readonly builder: (yargs: Argv<Globals>) => Argv<Globals>
  readonly handler: (args: never, cli: Cli) => Promise<number>
}

/** A positional of many words; those after `--` belong to it, whatever they look like. */
export function words(
  given: readonly string[] | string | undefined,
  args: { readonly '--'?: unknown },
): string[] {
  const before = given === undefined ? [] : [given].flat()
  const after = Array.isArray(args['--']) ? args['--'].map(String) : []
  return [...before, ...after]
}
