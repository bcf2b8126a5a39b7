/** What is fuzzed: how its cases are made, and what must hold whatever they are. */
import type { Case } from './case.ts'
import type { Random } from './random.ts'

/** One life of what is fuzzed. */
export interface Subject {
  /** Plays one case. Throws what is wrong. */
  run(input: Case): void | Promise<void>
  /** What must hold when it has had its cases; throws what does not. Nothing of it stays open. */
  end?(): void | Promise<void>
}

export interface Target {
  readonly name: string
  /** What it is and what is looked at, in a sentence. */
  readonly about: string
  /** Cases that one subject takes, so that what gathers is seen as well; 1 = each has its own. */
  readonly lifetime: number
  /** Cases at the same time; absent = one after the other. */
  readonly parallel?: number
  /** It starts processes and opens sockets. */
  readonly isReal?: true
  generate(random: Random): Case
  /** Cases as one that does the same, for what the last of them alone does not show; absent = there is none. */
  join?(cases: readonly Case[]): Case
  open(): Subject | Promise<Subject>
}

/** Something that must hold did not. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

export function must(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) throw new Broken(typeof what === 'string' ? what : what())
}
