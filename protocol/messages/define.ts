/** How a message kind is defined: its number, its head fields in order, its body, its lane. */
import { type Static, type TObject, type TSchema, Type } from '../typebox.ts'

/** urgent = liveness, handshake, cancel, acknowledgements; call = requests and replies; bulk = streams. */
export type Lane = 'urgent' | 'call' | 'bulk'

export type HeadFields = Record<string, TSchema>

export interface HeadSpec<F extends HeadFields> {
  readonly family: 'handshake' | 'liveness' | 'calls' | 'streams'
  readonly direction: string
  readonly lane: Lane
  readonly description: string
  /** Order matters: it is the order on the wire. Optional ones come last, and only when they are set. */
  readonly fields: F
  /** Schema of the body; `opaque` = depends on the method or chunk type; `none` = always empty. */
  readonly body: TSchema | 'opaque' | 'none'
}

export interface HeadDefinition<K extends string, F extends HeadFields> extends HeadSpec<F> {
  readonly kind: K
  readonly code: number
  readonly names: readonly string[]
  /** Schema of the decoded head, without `kind`. */
  readonly schema: TSchema
}

export function defineHead<const K extends string, F extends HeadFields>(
  kind: K,
  code: number,
  spec: HeadSpec<F>,
): HeadDefinition<K, F> {
  return {
    ...spec,
    kind,
    code,
    names: Object.keys(spec.fields),
    schema: Type.Object(spec.fields),
  }
}

/** A decoded head: its kind and its named fields. */
export type HeadOf<D> =
  D extends HeadDefinition<infer K, infer F>
    ? { readonly kind: K } & Readonly<Static<TObject<F>>>
    : never
