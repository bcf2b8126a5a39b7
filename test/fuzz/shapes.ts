/** Valid values to begin from: made once for each schema, by the arbitraries of the property tests. */
import fc from 'fast-check'
import type { Message } from '../../protocol/bundle.ts'
import type { MessageKind } from '../../protocol/messages/index.ts'
import type { TSchema } from '../../protocol/typebox.ts'
import { fitting, KINDS, messageOf } from '../support/arbitrary.ts'
import type { Random } from './random.ts'

/** Values kept of each schema: what follows from them comes from mutation. */
const POOL = 32

export class Shapes {
  readonly #seed: number
  readonly #values = new Map<TSchema, readonly unknown[]>()
  readonly #messages = new Map<MessageKind, readonly Message[]>()

  constructor(seed: number) {
    this.#seed = seed
  }

  /** A value that fits the schema; not to be changed. */
  value(schema: TSchema, random: Random): unknown {
    let pool = this.#values.get(schema)
    if (!pool) {
      pool = fc.sample(fitting(schema), { seed: this.#seed, numRuns: POOL })
      this.#values.set(schema, pool)
    }
    return random.pick(pool)
  }

  /** A message of this kind whose body fits; not to be changed. */
  message(kind: MessageKind, random: Random): Message {
    let pool = this.#messages.get(kind)
    if (!pool) {
      pool = fc.sample(messageOf(kind), { seed: this.#seed, numRuns: POOL })
      this.#messages.set(kind, pool)
    }
    return random.pick(pool)
  }

  anyMessage(random: Random): Message {
    return this.message(random.pick(KINDS), random)
  }
}
