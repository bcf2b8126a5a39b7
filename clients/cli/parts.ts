/** The other executables. They are found by URL: the parts meet on the wire, not in imports. */
import { fileURLToPath } from 'node:url'

export type PartName = 'broker' | 'host' | 'shim' | 'journal'

const ENTRIES: Readonly<Record<PartName, string>> = {
  broker: '../../broker/main.js',
  host: '../../agent-host/main.js',
  shim: '../shim/main.js',
  journal: '../../broker/journal-tool/main.js',
}

/** Global flags that may stand before the verb, those with a value and those without. */
export const VALUE_FLAGS: readonly string[] = [
  ...['--dir', '--endpoint', '--config', '--context', '--broker-key', '--key-file'],
]
const BARE_FLAGS: readonly string[] = ['--json', '--debug', '--foreign-socket']

const OF_PEERS = ['--context', '--broker-key', '--key-file', '--foreign-socket'] as const

/** Those that a part takes as well. Without effect on the others: bare ones are dropped. */
const TAKEN: Readonly<Record<PartName, readonly string[]>> = {
  broker: ['--dir', '--endpoint', '--config'],
  host: ['--dir', '--endpoint', '--config', ...OF_PEERS],
  shim: ['--dir', '--endpoint', '--config', ...OF_PEERS],
  journal: ['--dir', '--config', '--context', '--json'],
}

/** URL of the compiled entry of a part. */
export function partEntry(name: PartName): string {
  return new URL(ENTRIES[name], import.meta.url).href
}

/** Path of this command itself, to start it again as a child. */
export function cliEntry(): string {
  return fileURLToPath(new URL('./main.js', import.meta.url))
}

/**
 * The part that a command line runs, and the flags for it: all that follows the verb, and what
 * stood before it. Undefined when the verb is another one.
 */
export function partOf(
  argv: readonly string[],
): { readonly name: PartName; readonly argv: readonly string[] } | undefined {
  const before: string[][] = []
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? ''
    if (isPart(word)) {
      const own = before.filter(([flag = '']) => isFor(word, flag)).flat()
      return { name: word, argv: [...own, ...argv.slice(index + 1)] }
    }
    if (BARE_FLAGS.includes(word)) before.push([word])
    else if (!VALUE_FLAGS.includes(flagOf(word))) return undefined
    else if (word.includes('=')) before.push([word])
    else {
      index += 1
      before.push([word, argv[index] ?? ''])
    }
  }
  return undefined
}

function flagOf(word: string): string {
  return word.split('=')[0] ?? ''
}

/** A value that the part does not take is given to it all the same: it says what is wrong. */
function isFor(part: PartName, word: string): boolean {
  return TAKEN[part].includes(flagOf(word)) || !BARE_FLAGS.includes(word)
}

function isPart(word: string): word is PartName {
  return Object.hasOwn(ENTRIES, word)
}

interface Part {
  main(argv: readonly string[]): Promise<number>
  /** Of a part whose flags docs/cli.md shows. */
  help?(columns: number): Promise<string>
}

/** The help of a part, if it gives it to others. */
export async function partHelp(name: PartName, columns: number): Promise<string> {
  const part = (await import(partEntry(name))) as Part
  return (await part.help?.(columns)) ?? ''
}

/**
 * Runs a part in this process, so that the pid that users see and signal is the part itself.
 * Resolves with its exit code.
 */
export async function runPart(name: PartName, argv: readonly string[]): Promise<number> {
  const part = (await import(partEntry(name))) as Part
  return await part.main(argv)
}
