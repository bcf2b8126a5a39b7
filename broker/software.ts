/** Name and version of this software, for people. */
import { readFileSync } from 'node:fs'

/** package.json is two folders above the compiled file, one above the source. */
function version(): string {
  for (const path of ['../../package.json', '../package.json']) {
    try {
      const read: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (typeof read === 'object' && read !== null && 'version' in read)
        return String(read.version)
    } catch {
      // not there: try the next place
    }
  }
  return 'unknown'
}

export const SOFTWARE = `agentmq ${version()}`
