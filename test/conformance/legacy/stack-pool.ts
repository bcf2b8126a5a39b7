/** Stacks for cases: a fresh one for each, the next one started while a case runs. */
import { keyOf, type Plan } from './plan.ts'
import type { TargetSource } from './run-all.ts'
import { Stack, type StackKind, type Target } from './stack.ts'

export class StackPool implements TargetSource {
  readonly #programs: readonly string[]
  /** Stacks that are starting or waiting, by kind. */
  readonly #next = new Map<string, Promise<Stack>>()
  readonly #shared = new Map<string, Promise<Stack>>()
  /** Those that are emptied for each case. */
  readonly #used = new Map<string, Promise<Stack>>()
  readonly canStartFresh = true
  readonly #ending = new Set<Promise<void>>()

  /** `programs`: what the cases may run as `NAME-cli`. */
  constructor(programs: readonly string[]) {
    this.#programs = programs
  }

  warm({ kind }: Plan): void {
    const key = keyOf(kind)
    if (!this.#next.has(key)) this.#next.set(key, this.#start(kind))
  }

  fresh({ kind }: Plan): Promise<Target> {
    const key = keyOf(kind)
    const stack = this.#next.get(key) ?? this.#start(kind)
    this.#next.delete(key)
    return stack
  }

  shared({ kind }: Plan): Promise<Target> {
    const key = keyOf(kind)
    const stack = this.#shared.get(key) ?? this.#start(kind)
    this.#shared.set(key, stack)
    return stack
  }

  async emptied(plan: Plan): Promise<Target> {
    const key = keyOf(plan.kind)
    const used = this.#used.get(key)
    if (used !== undefined) {
      try {
        const stack = await used
        await stack.empty()
        return stack
      } catch {
        this.#end(used) // one that cannot be emptied is of no use
      }
    }
    const stack = this.#start(plan.kind)
    this.#used.set(key, stack)
    return stack
  }

  done(target: Target): void {
    this.#end(Promise.resolve(target))
  }

  async close(): Promise<void> {
    for (const stack of [this.#next, this.#shared, this.#used].flatMap((stacks) => [
      ...stacks.values(),
    ]))
      this.#end(stack)
    await Promise.all(this.#ending)
  }

  #start(kind: StackKind): Promise<Stack> {
    const stack = Stack.start(kind, this.#programs)
    // Whoever asks for it is told; nobody may.
    stack.catch(() => undefined)
    return stack
  }

  /** Takes a moment, in which the next case runs. */
  #end(stack: Promise<Target>): void {
    const ending = stack
      .then((target) => target.end())
      .catch(() => undefined)
      .finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }
}
