/**
 * Makes sure that one process at a time has a thing: LMDB alone would let a second broker write the same
 * journal, and ZeroMQ would let it take a live ipc endpoint over. Does not touch the thing itself.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { ProtocolError } from '../protocol/errors.ts'

/** Claims of this process, by path: two owners of one thing in one process are refused too. */
const held = new Set<string>()

/** Start time and state of a process; undefined where /proc does not tell. */
function inspect(pid: number): { started: string; isZombie: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold spaces; fields are counted behind it. 0: state, 19: start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { started: fields[19] ?? '', isZombie: fields[0] === 'Z' }
  } catch {
    return undefined
  }
}

/** The start time tells a process from a later one under the same pid, as in a restarted container. */
function identity(pid: number): string {
  return `${pid} ${inspect(pid)?.started ?? ''}`
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM'
  }
}

function isAlive(owner: string): boolean {
  const pid = Number.parseInt(owner, 10)
  if (!(pid > 0) || pid === process.pid || !exists(pid)) return false
  return inspect(pid)?.isZombie !== true && identity(pid) === owner
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** Linked into place with its content, so that nobody ever reads a half-written claim. */
function place(path: string, mine: string): boolean {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, mine, { mode: 0o600 })
  try {
    linkSync(draft, path)
    return true
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false
    throw thrown
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Moves a dead owner's claim away; puts it back when it was a live one that came in between. */
function clear(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
    if (read(aside) !== stale) linkSync(aside, path)
  } catch {
    // Another process cleared it first, or claimed it again: the next attempt will see.
  }
  rmSync(aside, { force: true })
}

function inUse(what: string, owner: string): ProtocolError {
  return new ProtocolError('IN_USE', { what, owner })
}

/**
 * Claims `what` for this process, by a file at `path`, and returns the way to give it up. A claim whose
 * process is gone is taken over. Throws IN_USE, which names `what`, when its owner lives.
 */
export function claim(path: string, what: string): () => void {
  if (held.has(path)) throw inUse(what, 'this process')
  const mine = identity(process.pid)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (place(path, mine)) {
      held.add(path)
      return () => release(path, mine)
    }
    const owner = read(path)
    if (owner !== undefined && isAlive(owner))
      throw inUse(what, `process ${Number.parseInt(owner, 10)}`)
    if (owner !== undefined) clear(path, owner)
  }
  throw inUse(what, 'another process that is starting')
}

function release(path: string, mine: string): void {
  if (!held.delete(path)) return
  if (read(path) !== mine) return
  try {
    rmSync(path, { force: true })
  } catch {
    // The disk takes no writes any more: whoever comes next sees that its owner is gone.
  }
}
