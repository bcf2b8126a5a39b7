/**
 * One process at a time is the host of a name: a second one would share its id, and the broker would take
 * each for the other come back without its sessions. The lock of a process that is gone is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProtocolError } from '../protocol/errors.ts'
import { parseIdentity } from './process/markers.ts'
import type { ProcessTree } from './process/process-tree.ts'

const ATTEMPTS = 3

/** Returns what releases the lock. Throws IN_USE while another process holds it. */
export function lockHost(stateDir: string, name: string, tree: ProcessTree): () => void {
  const directory = join(stateDir, 'hosts')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, `${name}.lock`)
  const { pid, startTicks } = tree.self()
  const mine = `${pid}:${startTicks}`
  let owner = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (place(path, mine)) return () => release(path, mine)
    owner = read(path)
    const holder = parseIdentity(owner)
    if (holder && tree.isAlive(holder)) break
    setAside(path, owner)
  }
  throw new ProtocolError(
    'IN_USE',
    { what: `the host name ${name} in ${stateDir}`, owner: `process ${owner.split(':')[0]}` },
    { where: 'host' },
  )
}

/** Linked into place with its content, so that nobody reads a lock that is half written. */
function place(path: string, mine: string): boolean {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, mine, { mode: 0o600 })
  try {
    linkSync(draft, path)
    return true
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false
    throw thrown
  } finally {
    rmSync(draft, { force: true })
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // released meanwhile
  }
}

/** Puts it back when it turns out to be that of somebody who came in between. */
function setAside(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
    if (read(aside) !== stale) linkSync(aside, path)
  } catch {
    // Another process was quicker; the next attempt will see.
  }
  rmSync(aside, { force: true })
}

function release(path: string, mine: string): void {
  if (read(path) === mine) rmSync(path, { force: true })
}
