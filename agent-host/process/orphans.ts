/**
 * What a host does first: ends what an earlier life of it has left behind. A process belongs to an
 * earlier life when it carries this host's id and the host process that it names is gone.
 */
import { HOST_PID_VARIABLE, HOST_VARIABLE, parseIdentity, SESSION_VARIABLE } from './markers.ts'
import type { ProcessIdentity, ProcessTree } from './process-tree.ts'
import { SWEEP_DEFAULTS, sweep } from './sweep.ts'
import type { Timers } from './timers.ts'

export interface Orphan {
  readonly pid: number
  /** The session that it worked for; empty when it does not say. */
  readonly session: string
}

export interface OrphanSearch {
  readonly hostId: string
  readonly tree: ProcessTree
  readonly timers: Timers
  /** ms between SIGTERM and SIGKILL; default `SWEEP_DEFAULTS.termMs`. */
  readonly termMs?: number
}

/** Finds and ends the orphans of this host id, and tells what it found. Never rejects. */
export async function endOrphans(search: OrphanSearch): Promise<Orphan[]> {
  const found = findOrphans(search)
  if (found.length === 0) return []
  const orphans = found.map((one) => ({
    pid: one.pid,
    session: search.tree.variable(one, SESSION_VARIABLE) ?? '',
  }))
  await sweep({
    tree: search.tree,
    timers: search.timers,
    termMs: search.termMs ?? SWEEP_DEFAULTS.termMs,
    killMs: SWEEP_DEFAULTS.killMs,
    find: () => findOrphans(search),
  })
  return orphans
}

function findOrphans({ hostId, tree }: OrphanSearch): ProcessIdentity[] {
  const marked = tree.marked({ [HOST_VARIABLE]: hostId })
  return marked.filter((one) => !hostLives(tree, one))
}

/** This very process counts as well: what it started itself is no orphan. */
function hostLives(tree: ProcessTree, one: ProcessIdentity): boolean {
  const host = parseIdentity(tree.variable(one, HOST_PID_VARIABLE) ?? '')
  return host !== undefined && tree.isAlive(host)
}
