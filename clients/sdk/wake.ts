/** A bell for one waiter: rung before or during the wait, it ends the wait. */
export class Wake {
  #rung = false
  #resolve: (() => void) | undefined

  wake(): void {
    this.#rung = true
    this.#resolve?.()
  }

  /** Resolves once rung; each ring ends one wait. */
  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
      })
    }
    this.#rung = false
    this.#resolve = undefined
  }
}
