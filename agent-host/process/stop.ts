/**
 * Ends a child and all that it started. CLIs put their tools into sessions of their own, so a signal
 * to the group misses them: descendants are noted while their parent lives, and what has left the
 * tree is found by its markers.
 */
import type { ChildProcess, Exit } from './child-process.ts'
import type { ProcessIdentity, ProcessTree } from './process-tree.ts'
import { SWEEP_DEFAULTS, type SweepReport, sweep } from './sweep.ts'
import { happensWithin, type Timers } from './timers.ts'

export const STOP_DEFAULTS = {
  eofMs: 5000, // ms for the child to finish its turn after the end of its stdin
  termMs: 2000, // ms for it to clean up after SIGTERM
  killMs: 2000, // ms after SIGKILL for what only the kernel can delay
} as const

export type StopTimes = { readonly [K in keyof typeof STOP_DEFAULTS]: number }

export interface StopContext {
  readonly tree: ProcessTree
  readonly timers: Timers
  /** Defaults in `STOP_DEFAULTS`. */
  readonly times?: Partial<StopTimes>
}

/** What stopping needs of a child. */
export type Stoppable = Pick<
  ChildProcess,
  'pid' | 'alive' | 'markers' | 'died' | 'closeStdin' | 'signalGroup' | 'signalRemains'
>

export interface StopReport extends SweepReport {
  /** The last thing that was needed before the child itself ended. */
  readonly how: 'end of input' | 'SIGTERM' | 'SIGKILL'
  /** Undefined when the child outlived SIGKILL for `killMs`: the kernel holds it. */
  readonly exit: Exit | undefined
}

/** End of stdin, SIGTERM, SIGKILL, sweep; each step only when the one before did not do. Never rejects. */
export async function stop(child: Stoppable, context: StopContext): Promise<StopReport> {
  const times = { ...STOP_DEFAULTS, ...context.times }
  const family = new Family(child, context.tree)
  family.note()
  child.signalGroup('SIGCONT') // a paused child can neither read nor end
  child.closeStdin()
  if (await happensWithin(context.timers, child.died, times.eofMs)) {
    return finish(child, context, family, 'end of input')
  }
  family.note()
  child.signalGroup('SIGTERM')
  if (await happensWithin(context.timers, child.died, times.termMs)) {
    return finish(child, context, family, 'SIGTERM')
  }
  return kill(child, context, family)
}

/** SIGKILL at once, then the sweep. Never rejects. */
export async function killNow(child: Stoppable, context: StopContext): Promise<StopReport> {
  return kill(child, context, new Family(child, context.tree))
}

/** Ends what a child that ended by itself has left behind. Never rejects. */
export async function sweepLeftovers(child: Stoppable, context: StopContext): Promise<SweepReport> {
  return sweepFamily(new Family(child, context.tree), context, SWEEP_DEFAULTS.termMs)
}

async function kill(child: Stoppable, context: StopContext, family: Family): Promise<StopReport> {
  const times = { ...STOP_DEFAULTS, ...context.times }
  family.note()
  child.signalGroup('SIGKILL')
  await happensWithin(context.timers, child.died, times.killMs)
  return finish(child, context, family, 'SIGKILL')
}

async function finish(
  child: Stoppable,
  context: StopContext,
  family: Family,
  how: StopReport['how'],
): Promise<StopReport> {
  // After SIGKILL there is no more patience for its tools; before, they may clean up too.
  const termMs = how === 'SIGKILL' ? 0 : SWEEP_DEFAULTS.termMs
  if (family.sawEnd) child.signalRemains(termMs === 0 ? 'SIGKILL' : 'SIGTERM')
  const report = await sweepFamily(family, context, termMs)
  return { how, exit: child.alive ? undefined : await child.died, ...report }
}

function sweepFamily(family: Family, context: StopContext, termMs: number): Promise<SweepReport> {
  const { killMs } = { ...STOP_DEFAULTS, ...context.times }
  const { tree, timers } = context
  return sweep({ tree, timers, termMs, killMs, find: () => family.alive() })
}

/** All processes known to come from one child; grows while they can still be seen. */
class Family {
  readonly #child: Stoppable
  readonly #tree: ProcessTree
  readonly #known = new Map<number, ProcessIdentity>()
  readonly #aliveBefore: boolean

  constructor(child: Stoppable, tree: ProcessTree) {
    this.#child = child
    this.#tree = tree
    this.#aliveBefore = child.alive
  }

  /** The child ended just now. Of one that ended long ago the number may be another's group. */
  get sawEnd(): boolean {
    return this.#aliveBefore && !this.#child.alive
  }

  /** Notes the present descendants; of a child that has ended there is no telling any more. */
  note(): void {
    if (!this.#child.alive) return
    for (const one of this.#tree.descendants(this.#child.pid)) this.#known.set(one.pid, one)
  }

  alive(): ProcessIdentity[] {
    for (const one of this.#tree.marked(this.#child.markers)) this.#known.set(one.pid, one)
    return [...this.#known.values()].filter((one) => this.#tree.isAlive(one))
  }
}
