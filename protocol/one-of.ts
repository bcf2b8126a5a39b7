/** A schema for one word out of a list, typed by the list. */
import { type TUnsafe, Type } from './typebox.ts'

export function oneOf<const V extends string>(
  words: readonly V[],
  description: string,
): TUnsafe<V> {
  return Type.Unsafe<V>(
    Type.Union(
      words.map((word) => Type.Literal(word)),
      { description },
    ),
  )
}
