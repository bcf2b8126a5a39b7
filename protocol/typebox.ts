/**
 * What is used of typebox: builders of schemas and the compiler of checks. Everything else imports them from here,
 * because the build makes one file of this module and what it needs (`npm run build`): as 537 modules typebox
 * takes each process some 180 ms and 18 MB.
 */
import * as typebox from 'typebox'

export type { Static, TObject, TProperties, TSchema, TUnsafe } from 'typebox'
export { Compile } from 'typebox/schema'

export const Type = {
  Array: typebox.Array,
  Boolean: typebox.Boolean,
  Integer: typebox.Integer,
  Literal: typebox.Literal,
  Null: typebox.Null,
  Number: typebox.Number,
  Object: typebox.Object,
  Optional: typebox.Optional,
  Record: typebox.Record,
  String: typebox.String,
  Tuple: typebox.Tuple,
  Union: typebox.Union,
  Unknown: typebox.Unknown,
  Unsafe: typebox.Unsafe,
} as const
