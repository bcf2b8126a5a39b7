/**
 * Reads /proc to find processes and signals them by pid. A pid alone is never trusted: a process is
 * its pid and its start time, so that a number that was given out again is left alone. Where there
 * is no /proc, nothing is found and callers have the process group only.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Markers } from './markers.ts'

/** One process, told from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start time in clock ticks since boot; 0 where there is no /proc. */
  readonly startTicks: number
}

/** What processes use, together with those of their children that have ended. */
export interface ProcessUsage {
  /** Time on processors, user and system, ms. */
  readonly cpuMs: number
  /** Resident memory; pages that processes share are counted for each. */
  readonly rssBytes: number
  readonly processes: number
}

/** Clock ticks a second in /proc: fixed for user space on every architecture that Node runs on. */
const USER_HZ = 100

interface ProcessRow extends ProcessIdentity {
  readonly parent: number
  readonly cpuTicks: number
  readonly rssPages: number
  /** One letter of proc(5): Z is a zombie, X is dead. */
  readonly state: string
}

export class ProcessTree {
  readonly #root: string

  /** `root` is where proc is mounted. */
  constructor(root = '/proc') {
    this.#root = root
  }

  /** Whether this system shows its processes; without it every search finds nothing. */
  get available(): boolean {
    return existsSync(`${this.#root}/self/stat`)
  }

  /** The process that has this pid now, also when it is a zombie. */
  identify(pid: number): ProcessIdentity | undefined {
    const row = this.#row(pid)
    return row && { pid, startTicks: row.startTicks }
  }

  /** This very process. */
  self(): ProcessIdentity {
    return this.identify(process.pid) ?? { pid: process.pid, startTicks: 0 }
  }

  /** Whether it still runs; a zombie does not. */
  isAlive(identity: ProcessIdentity): boolean {
    const row = this.#row(identity.pid)
    return row !== undefined && row.startTicks === identity.startTicks && isRunning(row)
  }

  /** Children of `pid`, their children and so on, without `pid` itself. */
  descendants(pid: number): ProcessIdentity[] {
    // The kernel's own lists (task/*/children) are missing from some kernels and, as proc(5) says,
    // are reliable only while nothing is forked or ends; one pass over the parents always works.
    const children = byParent(this.#rows())
    const found = (children.get(pid) ?? []).flatMap((child) => family(child, children))
    return found.filter(isRunning).map(identityOf)
  }

  /** What each of these processes uses, its descendants included; left out are those that are gone. */
  usage(pids: readonly number[]): Map<number, ProcessUsage> {
    const rows = new Map([...this.#rows()].map((row) => [row.pid, row]))
    const children = byParent(rows.values())
    const pageBytes = pageSize(rows.get(process.pid))
    const found = new Map<number, ProcessUsage>()
    for (const pid of pids) {
      const root = rows.get(pid)
      if (root) found.set(pid, sum(family(root, children), pageBytes))
    }
    return found
  }

  /**
   * Running processes, other than this one, whose environment holds all these variables. No
   * variables match no process: what is found here is going to be ended.
   */
  marked(markers: Markers): ProcessIdentity[] {
    const wanted = Object.entries(markers).map(([name, value]) => `\0${name}=${value}\0`)
    if (wanted.length === 0) return []
    const found: ProcessIdentity[] = []
    for (const pid of this.#pids()) {
      if (pid === process.pid) continue
      // The start time is read first: should the pid change hands in between, it no longer matches.
      const row = this.#row(pid)
      if (row === undefined || !isRunning(row)) continue
      const environment = `\0${this.#read(pid, 'environ') ?? ''}\0`
      if (wanted.every((entry) => environment.includes(entry))) found.push(identityOf(row))
    }
    return found
  }

  /** The value of one variable in the environment that the process was started with. */
  variable(identity: ProcessIdentity, name: string): string | undefined {
    const entries = this.#read(identity.pid, 'environ')?.split('\0') ?? []
    return entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1)
  }

  /** Signals that very process. False when it is gone, may not be signalled, or is not ours to end. */
  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    if (identity.pid <= 1 || identity.pid === process.pid || !this.isAlive(identity)) return false
    try {
      return process.kill(identity.pid, signal)
    } catch {
      return false
    }
  }

  *#rows(): Generator<ProcessRow> {
    for (const pid of this.#pids()) {
      const row = this.#row(pid)
      if (row !== undefined) yield row
    }
  }

  #pids(): number[] {
    try {
      return readdirSync(this.#root).map(Number).filter(Number.isInteger)
    } catch {
      return []
    }
  }

  #row(pid: number): ProcessRow | undefined {
    const stat = this.#read(pid, 'stat')
    // The name in the second field may hold spaces and parentheses; the last one closes it.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields === undefined || fields.length < 22) return undefined
    const [state = '', parent = ''] = fields
    // proc(5): utime, stime, cutime and cstime are fields 14 to 17, rss is field 24; here from 0, less 3.
    const cpuTicks = fields.slice(11, 15).reduce((ticks, field) => ticks + Number(field), 0)
    const rssPages = Number(fields[21])
    return {
      pid,
      startTicks: Number(fields[19]),
      parent: Number(parent),
      state,
      cpuTicks,
      rssPages,
    }
  }

  /** Undefined when the process is gone or belongs to somebody else. */
  #read(pid: number, file: string): string | undefined {
    try {
      return readFileSync(`${this.#root}/${pid}/${file}`, 'utf8')
    } catch {
      return undefined
    }
  }
}

function isRunning(row: ProcessRow): boolean {
  return row.state !== 'Z' && row.state !== 'X'
}

function identityOf(row: ProcessRow): ProcessIdentity {
  return { pid: row.pid, startTicks: row.startTicks }
}

function byParent(rows: Iterable<ProcessRow>): Map<number, ProcessRow[]> {
  const children = new Map<number, ProcessRow[]>()
  for (const row of rows) {
    const siblings = children.get(row.parent)
    if (siblings === undefined) children.set(row.parent, [row])
    else siblings.push(row)
  }
  return children
}

/** The process, its children, their children and so on. */
function family(root: ProcessRow, children: ReadonlyMap<number, ProcessRow[]>): ProcessRow[] {
  const found = [root]
  for (const row of found) found.push(...(children.get(row.pid) ?? []))
  return found
}

function sum(rows: readonly ProcessRow[], pageBytes: number): ProcessUsage {
  const running = rows.filter(isRunning)
  const cpuTicks = running.reduce((ticks, row) => ticks + row.cpuTicks, 0)
  const pages = running.reduce((count, row) => count + row.rssPages, 0)
  return {
    cpuMs: (cpuTicks * 1000) / USER_HZ,
    rssBytes: pages * pageBytes,
    processes: running.length,
  }
}

/** Node does not tell it, but knows its own memory in bytes, and /proc has that in pages. */
function pageSize(self: ProcessRow | undefined): number {
  const pages = self?.rssPages ?? 0
  return pages > 0 ? 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages)) : 4096
}
