/** What went wrong in a run; the first one ends it. */
export class Violations {
  readonly #found: string[] = []

  get all(): readonly string[] {
    return this.#found
  }

  get any(): boolean {
    return this.#found.length > 0
  }

  add(what: string): void {
    this.#found.push(what)
  }

  check(isAsItShouldBe: boolean, what: () => string): void {
    if (!isAsItShouldBe) this.add(what())
  }
}
