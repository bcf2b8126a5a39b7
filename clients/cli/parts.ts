/** The other executables. They are found by URL: the parts meet on the wire, not in imports. */
import { fileURLToPath } from 'node:url'

export type PartName = 'broker' | 'host'

const ENTRIES: Readonly<Record<PartName, string>> = {
  broker: '../../broker/main.js',
  host: '../../agent-host/main.js',
}

/** Global flags that may stand before the verb: with a value, which the part takes too, or without. */
const SHARED_FLAGS: readonly string[] = ['--dir', '--endpoint', '--config']
const OWN_FLAGS: readonly string[] = ['--json', '--debug']

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
  const before: string[] = []
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? ''
    if (isPart(word)) return { name: word, argv: [...before, ...argv.slice(index + 1)] }
    if (OWN_FLAGS.includes(word)) continue
    if (!SHARED_FLAGS.includes(word.split('=')[0] ?? '')) return undefined
    before.push(word)
    if (word.includes('=')) continue
    index += 1
    before.push(argv[index] ?? '')
  }
  return undefined
}

function isPart(word: string): word is PartName {
  return Object.hasOwn(ENTRIES, word)
}

interface Part {
  main(argv: readonly string[]): Promise<number>
}

/**
 * Runs a part in this process, so that the pid that users see and signal is the part itself.
 * Resolves with its exit code.
 */
export async function runPart(name: PartName, argv: readonly string[]): Promise<number> {
  const part = (await import(partEntry(name))) as Part
  return await part.main(argv)
}
