/**
 * Makes an ipc endpoint ours: its directory private, its path claimed by pid, a stale socket file gone.
 * A second ZeroMQ bind would take a live path over without a word.
 */
import { rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ipcPath } from '../protocol/endpoints.ts'
import { closedDirectory, privateDirectory } from '../protocol/process/private-place.ts'
import { claim } from './ownership.ts'

const nothing = () => {}

export interface ClaimOptions {
  /** The directory that is ours, so that its rights may be mended. */
  readonly runtimeDir?: string
  /** Others could enter this directory, and cannot any more. */
  readonly closed?: (directory: string) => void
}

/** Returns how to give the endpoint up. Throws IN_USE when another process has it, BAD_CONFIG for an open place. */
export function claimEndpoint(endpoint: string, options: ClaimOptions = {}): () => void {
  const path = ipcPath(endpoint)
  if (path === undefined) return nothing
  closePlace(dirname(resolve(path)), options)
  const release = claim(`${path}.owner`, `endpoint ${endpoint}`)
  rmSync(path, { force: true })
  return () => {
    rmSync(path, { force: true })
    release()
  }
}

/** What somebody named may be a directory of many uses, whose rights are not for us to change. */
function closePlace(directory: string, { runtimeDir, closed }: ClaimOptions): void {
  if (runtimeDir === undefined || resolve(runtimeDir) !== directory) privateDirectory(directory)
  else if (closedDirectory(directory)) closed?.(directory)
}
