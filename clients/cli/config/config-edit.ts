/** Writes the config file: whole or not at all, and nothing of it that was not meant. */
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { configSection } from '../../../protocol/config-file.ts'
import { ProtocolError } from '../../../protocol/errors.ts'

/** Another process may write it at the same time; so often it is tried again. */
const ATTEMPTS = 5

/** Changes the text of the file; one that is missing is made. Throws BAD_CONFIG. */
export function editConfig(path: string, edit: (text: string) => string): void {
  const file = existsSync(path) ? realpathSync(path) : path // a link stays one
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = readConfig(file)
    const after = edit(before ?? '{}\n')
    configSection(after, 'client', path) // never leave what cannot be read
    if (after === before || replaced(file, before, after)) return
  }
  throw bad(path, 'is being written by somebody else; try again')
}

/** The text of the file; undefined when there is none. Throws BAD_CONFIG for one that is no config. */
export function readConfig(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw bad(path, `cannot be read (${codeOf(cause)})`, cause)
  }
  configSection(text, 'client', path)
  return text
}

/** False when the file is not what it was before. */
function replaced(path: string, before: string | undefined, after: string): boolean {
  const draft = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    write(draft, after, modeFor(path))
    keepOwner(draft, path)
    if (readConfig(path) !== before) return false
    renameSync(draft, path)
    return true
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw bad(path, `cannot be written (${codeOf(cause)})`, cause)
  } finally {
    rmSync(draft, { force: true })
  }
}

function write(path: string, text: string, mode: number): void {
  const file = openSync(path, 'wx', mode)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** As before, but for nobody else to write: it says whom to believe. */
function modeFor(path: string): number {
  return existsSync(path) ? statSync(path).mode & 0o755 : 0o600
}

/** Where root edits the file of a user, it stays that of the user. */
function keepOwner(draft: string, path: string): void {
  if (!existsSync(path)) return
  const { uid, gid } = statSync(path)
  if (uid !== statSync(draft).uid) chownSync(draft, uid, gid)
}

function bad(path: string, reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError('BAD_CONFIG', { source: path, reason }, { where: 'cli', cause })
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
}
