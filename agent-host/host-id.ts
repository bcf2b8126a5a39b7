/** The id of this host: made once, kept in the state directory, so that it survives restarts. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newUuid, type RandomBytes } from '../protocol/ids.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Hosts with different names on one machine are different hosts. */
export function hostId(stateDir: string, name: string, random: RandomBytes): string {
  const directory = join(stateDir, 'hosts')
  const path = join(directory, `${name}.id`)
  const stored = read(path)
  if (stored !== undefined && UUID.test(stored)) return stored
  const id = newUuid(random)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(path, `${id}\n`, { mode: 0o600 })
  return id
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined // not made yet
  }
}
