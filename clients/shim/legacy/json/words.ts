/** Values in the words of Rust's serde, whose texts clients of the old daemon have seen. */
import { isList, isMap, JsonFloat, type JsonValue } from './value.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
}

/** ``integer `5` ``, `string "x"`, `map`. */
export function describe(value: JsonValue): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return `boolean \`${value}\``
  if (typeof value === 'string') return `string ${quoted(value)}`
  if (value instanceof JsonFloat) return `floating point \`${value.toString()}\``
  if (isList(value)) return 'sequence'
  if (isMap(value)) return 'map'
  return `integer \`${value}\``
}

/** A string as Rust's debug format shows it. */
function quoted(text: string): string {
  const shown = text.replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, (character) => {
    return ESCAPES[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
  return `"${shown}"`
}
