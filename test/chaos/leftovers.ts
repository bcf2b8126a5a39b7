/** What a run must not leave behind: processes, sockets, locks. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Processes whose environment names this directory: agents, their tools, hosts, clients. */
export function processesOf(dir: string): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
      if (environment.includes(`${dir}/`) || environment.includes(`=${dir}\0`)) {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
        found.push(`process ${pid}: ${command.slice(0, 120)}`)
      }
    } catch {
      // it has ended meanwhile
    }
  }
  return found
}

/** What may stay when everything was told to end: what is to be kept for the next start, and logs. */
const KEPT = [
  /^archive(\/|$)/,
  /^demo(\/|$)/,
  /^(work|p|run|hosts)$/,
  /^journal(\/|$)/,
  /^hosts\/[\w.-]+\.(id|json)$/,
  /^hosts\/[\w-]+$/,
  /^[\w.-]+\.(log|err|id)$/,
]

/** Files and sockets that nobody needs any more. */
export function filesOf(dir: string): string[] {
  const paths = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) =>
    relative(dir, join(entry.parentPath, entry.name)),
  )
  return paths
    .filter((path) => isSocket(join(dir, path)) || !KEPT.some((pattern) => pattern.test(path)))
    .map((path) => `file ${path}`)
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}
