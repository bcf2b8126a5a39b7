/**
 * Makes an ipc endpoint ours: its directory private, its path claimed by pid, a stale socket file gone.
 * A second ZeroMQ bind would take a live path over without a word.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { ipcPath } from '../protocol/endpoints.ts'
import { claim } from './ownership.ts'

const nothing = () => {}

/** Returns how to give the endpoint up. Throws IN_USE when another process has it. */
export function claimEndpoint(endpoint: string): () => void {
  const path = ipcPath(endpoint)
  if (path === undefined) return nothing
  const made = mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (made !== undefined) chmodSync(dirname(path), 0o700)
  const release = claim(`${path}.owner`, `endpoint ${endpoint}`)
  rmSync(path, { force: true })
  return () => {
    rmSync(path, { force: true })
    release()
  }
}
