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

interface ProcessRow extends ProcessIdentity {
  readonly parent: number
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
    const children = new Map<number, ProcessRow[]>()
    for (const row of this.#rows()) {
      const siblings = children.get(row.parent)
      if (siblings === undefined) children.set(row.parent, [row])
      else siblings.push(row)
    }
    const found: ProcessRow[] = [...(children.get(pid) ?? [])]
    for (const row of found) found.push(...(children.get(row.pid) ?? []))
    return found.filter(isRunning).map(identityOf)
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
    if (fields === undefined || fields.length < 20) return undefined
    const [state = '', parent = ''] = fields
    return { pid, startTicks: Number(fields[19]), parent: Number(parent), state }
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
