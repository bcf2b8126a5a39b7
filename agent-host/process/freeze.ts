/**
 * Stops the processes of a session in their tracks, and lets them go on. CLIs put their tools into
 * sessions of their own, so the group alone is not all of it.
 */
import type { Child } from './child-process.ts'
import type { ProcessIdentity, ProcessTree } from './process-tree.ts'

/** What is forked while the first look is taken is found by the next one. */
const LOOKS = 3

/** SIGSTOP to the group and to everything that comes from the child. */
export function freeze(child: Child, tree: ProcessTree): void {
  const stopped = new Set<number>()
  child.signalGroup('SIGSTOP')
  for (let look = 0; look < LOOKS; look += 1) {
    const fresh = family(child, tree).filter(({ pid }) => !stopped.has(pid))
    if (fresh.length === 0) return
    for (const one of fresh) {
      stopped.add(one.pid)
      tree.signal(one, 'SIGSTOP')
    }
  }
}

/** SIGCONT to all of them; tools first, so that whoever waits for them finds them running. */
export function thaw(child: Child, tree: ProcessTree): void {
  for (const one of family(child, tree)) tree.signal(one, 'SIGCONT')
  child.signalGroup('SIGCONT')
}

/** Beside the child itself. A stopped process still has its place in the tree and its markers. */
function family(child: Child, tree: ProcessTree): ProcessIdentity[] {
  if (!child.alive) return []
  const known = new Map<number, ProcessIdentity>()
  for (const one of tree.descendants(child.pid)) known.set(one.pid, one)
  for (const one of tree.marked(child.markers)) known.set(one.pid, one)
  known.delete(child.pid)
  return [...known.values()]
}
