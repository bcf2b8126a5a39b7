/** What a CPU profile of V8 says: the share of each function's own time. Pure. */

interface Frame {
  readonly functionName: string
  readonly url: string
  /** From 0. */
  readonly lineNumber: number
}

export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  readonly samples: readonly number[]
  /** Microseconds between the samples. */
  readonly timeDeltas: readonly number[]
}

export interface Share {
  readonly where: string
  /** Of the time that was not idle, 0 to 1. */
  readonly share: number
}

/** Time in which the process only waited. */
const IDLE = '(idle)'

/** Microseconds of each function. */
function ownTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)
    if (!frame || frame.functionName === IDLE) continue
    const where = placeOf(frame)
    times.set(where, (times.get(where) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return times
}

const sum = (times: Iterable<number>): number => [...times].reduce((all, one) => all + one, 0)

export function busySeconds(profile: CpuProfile): number {
  return sum(ownTimes(profile).values()) / 1e6
}

/** The functions that took most of the busy time, the first one most. */
export function busiest(profile: CpuProfile, most: number): Share[] {
  const times = ownTimes(profile)
  const busy = sum(times.values())
  return [...times]
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([where, took]) => ({ where, share: took / busy }))
}

function placeOf({ functionName, url, lineNumber }: Frame): string {
  const name = functionName || '(anonymous)'
  if (url === '') return name
  const [, path = url] = /(?:\/dist\/|\/node_modules\/|^node:)(.*)$/.exec(url) ?? []
  return `${name} ${path}:${lineNumber + 1}`
}
