/** How a session is paused. A held one begins no turn; a frozen one does nothing at all. */
import type { PauseMode } from '../protocol/methods/types.ts'
import type { Child } from './process/child-process.ts'
import { freeze, thaw } from './process/freeze.ts'
import type { ProcessTree } from './process/process-tree.ts'

export class Suspension {
  readonly #tree: ProcessTree
  #mode: PauseMode | '' = ''

  constructor(tree: ProcessTree) {
    this.#tree = tree
  }

  get mode(): PauseMode | '' {
    return this.#mode
  }

  set(mode: PauseMode, child: Child): void {
    if (mode === this.#mode) return
    if (mode === 'freeze') freeze(child, this.#tree)
    else if (this.#mode === 'freeze') thaw(child, this.#tree)
    this.#mode = mode
  }

  clear(child: Child | undefined): void {
    if (this.#mode === 'freeze' && child) thaw(child, this.#tree)
    this.#mode = ''
  }
}
