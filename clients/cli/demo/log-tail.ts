/** The last lines of every log in a directory, for when something failed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const LINES = 15

export function logTail(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const lines = readFileSync(join(directory, name), 'utf8').trimEnd().split('\n')
    return [`--- ${name}`, ...lines.slice(-LINES)]
  })
}
