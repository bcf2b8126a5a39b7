/** What Linux says about processes: CPU time, memory, who started whom. */
import { readdirSync, readFileSync } from 'node:fs'

/** `getconf CLK_TCK`: the kernel tells it as 100 to every program of every architecture that Node has. */
const TICKS_PER_SECOND = 100

export interface Stat {
  readonly parent: number
  readonly cpuSeconds: number
}

/** Of `/proc/PID/stat`; the name of the program in it may hold spaces and parentheses. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0] = [fields[11], fields[12]].map(Number)
  return { parent: Number(fields[1]), cpuSeconds: (user + system) / TICKS_PER_SECOND }
}

/** A figure of `/proc/PID/status`, MB of a million bytes. */
export function parseStatus(text: string, name: string): number {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text) ?? []
  if (kilobytes === undefined) throw new Error(`no ${name} in the status of a process`)
  return (Number(kilobytes) * 1024) / 1e6
}

export type MemoryFigure = 'VmHWM' | 'VmRSS' | 'RssAnon'

export function memoryMb(pid: number, figure: MemoryFigure): number {
  return parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'), figure)
}

function stats(): Map<number, Stat> {
  const found = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      found.set(Number(name), parseStat(readFileSync(`/proc/${name}/stat`, 'latin1')))
    } catch {
      // it has ended since
    }
  }
  return found
}

/** CPU seconds that the threads of one process have used so far: finer than `cpuSecondsOf`, which counts in 10 ms. */
export function threadSecondsOf(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [used = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
    nanoseconds += Number(used)
  }
  return nanoseconds / 1e9
}

/** CPU seconds that these processes, and all that they have started and that still run, have used. */
export function cpuSecondsOf(pids: Iterable<number>): number {
  const all = stats()
  const family = new Set(pids)
  for (let before = -1; before < family.size; ) {
    before = family.size
    for (const [pid, { parent }] of all) if (family.has(parent)) family.add(pid)
  }
  let seconds = 0
  for (const pid of family) seconds += all.get(pid)?.cpuSeconds ?? 0
  return seconds
}
