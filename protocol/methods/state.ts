/** state.*: a small key-value state that programs share, with compare-and-set by version. */

import { MAX_JSON_DEPTH } from '../json.ts'
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'

/** Most bytes of one value, as JSON in UTF-8. */
export const MAX_VALUE_BYTES = 256 * 1024

const printable = (least: number) => `^[ -~]{${least},256}$`

const key = Type.String({
  pattern: printable(1),
  description: '1 to 256 printable ASCII characters',
})
const value = Type.Unknown({
  description: `Any JSON value, at most ${MAX_VALUE_BYTES / 1024} KiB as JSON, nested at most ${MAX_JSON_DEPTH} deep`,
})
const version = Type.Integer({
  minimum: 1,
  description:
    'Rises with each change of the key, by one while it exists; one that was deleted and is set again goes on above',
})
const updated_at = Type.Number({ description: 'When it last changed, ms since 1970' })

const expected = (description: string, minimum: 0 | 1) =>
  Type.Optional(Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER, description }))

export const StateEntry = Type.Object({ key, version, updated_at, value: Type.Optional(value) })
export type StateEntry = Static<typeof StateEntry>

export const StateGet = defineMethod('state.get', {
  description: 'One key with its value, as it is on disk.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({ key }),
  result: Type.Object({ key, value, version, updated_at }),
  errors: ['NO_SUCH_KEY'],
})

export const StateSet = defineMethod('state.set', {
  description:
    'Sets a key. With `version` only if it has that version: of two that expect the same one, one wins, and the other gets VERSION_CONFLICT.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({
    key,
    value,
    version: expected('The version it has to have; 0 = it must not exist', 0),
  }),
  result: Type.Object({ key, version }),
  errors: ['VERSION_CONFLICT', 'TOO_LARGE', 'LIMIT_REACHED'],
})

export const StateDelete = defineMethod('state.delete', {
  description: 'Deletes a key. With `version` only if it has that version.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({ key, version: expected('The version it has to have', 1) }),
  result: Type.Object({
    key,
    deleted: Type.Boolean({ description: 'False when there was no such key' }),
  }),
  errors: ['VERSION_CONFLICT'],
})

export const StateList = defineMethod('state.list', {
  description: 'Keys in the order of their characters, a page at a time, as they are on disk.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({
    prefix: Type.Optional(
      Type.String({ pattern: printable(0), description: 'Only keys that begin with it' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'At most so many; default 100' }),
    ),
    after: Type.Optional(
      Type.String({
        pattern: printable(0),
        description: 'Only keys behind it: `next` of the page before',
      }),
    ),
    values: Type.Optional(Type.Boolean({ description: 'With their values; default: without' })),
  }),
  result: Type.Object({
    entries: Type.Array(StateEntry, { description: 'In the order of their keys' }),
    next: Type.Optional(
      Type.String({ description: 'There are more: pass it as `after`. Absent on the last page' }),
    ),
  }),
  errors: [],
})
