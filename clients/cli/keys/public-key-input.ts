/** A public key of somebody else, from the command line or from what `agentmq keys show` wrote. */
import { readFileSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import { isKey } from '../../../protocol/keys/key-pair.ts'
import type { Cli } from '../command.ts'
import { UsageError } from '../usage-error.ts'

export interface KeySource {
  readonly key?: string | undefined
  /** A file; `-` is stdin. */
  readonly from?: string | undefined
}

/** Undefined when none is given. Throws UsageError. */
export async function givenKey({ key, from }: KeySource, cli: Cli): Promise<string | undefined> {
  if (from === undefined) return key === undefined ? undefined : checkedKey('--key', key)
  if (key !== undefined) throw new UsageError('--key and --from do not go together')
  const text = from === '-' ? await readAll(cli.input) : read(from)
  return keyIn(from === '-' ? 'stdin' : from, text.trim())
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UsageError(`--from ${path} cannot be read (${code})`)
  }
}

/** A key alone, or the JSON of `agentmq keys show --json`. Never quotes what it read: it may be a secret. */
function keyIn(source: string, text: string): string {
  if (!text.startsWith('{') || isKey(text)) return checkedKey(source, text)
  const found = parsed(text)
  if ('secret' in found) {
    throw new UsageError(
      `${source} holds a secret key, which belongs to its machine alone; give what \`agentmq keys show\` prints there`,
    )
  }
  return checkedKey(source, typeof found.key === 'string' ? found.key : '')
}

function parsed(text: string): { readonly key?: unknown } {
  try {
    return JSON.parse(text) as { readonly key?: unknown }
  } catch {
    return {}
  }
}

function checkedKey(source: string, key: string): string {
  if (isKey(key)) return key
  throw new UsageError(
    `${source} is no public key: 40 characters are expected, in quotes on a command line, as \`agentmq keys show\` prints them`,
  )
}
