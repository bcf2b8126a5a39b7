/** The corpus: cases that were hand-made, or that found something, in a folder for each target. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Case, formatCase, parseCase, sizeOf } from './case.ts'

/** The one in the repository; tests run from `dist`. */
export const CORPUS = fileURLToPath(new URL('../../../test/fixtures/fuzz', import.meta.url))

const SUFFIX = '.hex'
/** Largest case that is written down, bytes: one of a thread that was lost cannot be cut down. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024
const TOO_LARGE = 'too large to be kept: the same seed makes it again'

export interface KeptCase {
  /** Target and file, for people. */
  readonly name: string
  readonly input: Case
}

/** The cases of one target, in the order of their names; none when there is no such folder. */
export function readCorpus(target: string, root = CORPUS): readonly KeptCase[] {
  const folder = join(root, target)
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((file) => file.endsWith(SUFFIX))
  return files.sort().map((file) => ({
    name: `${target}/${file}`,
    input: parseCase(readFileSync(join(folder, file), 'utf8')),
  }))
}

/** Names of targets that have a folder. */
export function corpusFolders(root = CORPUS): readonly string[] {
  return existsSync(root) ? readdirSync(root).sort() : []
}

/** Keeps a finding; the same case has the same file. Returns the path. */
export function keepCase(target: string, input: Case, comment: string, root = CORPUS): string {
  const folder = join(root, target)
  mkdirSync(folder, { recursive: true })
  const hash = createHash('sha256')
  for (const piece of input) hash.update(`${piece.length}\n`).update(piece)
  const path = join(folder, `found-${hash.digest('hex').slice(0, 12)}${SUFFIX}`)
  const isLarge = sizeOf(input) > MAX_KEPT_BYTES
  writeFileSync(
    path,
    isLarge ? formatCase([], `${comment}\n${TOO_LARGE}`) : formatCase(input, comment),
  )
  return path
}
