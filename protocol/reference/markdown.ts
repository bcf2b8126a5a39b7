/** The few Markdown shapes that the reference is made of. */
import { type Field, fieldsOf, type Shape } from './fields.ts'

export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(headings), `|${headings.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

export const code = (text: string) => `\`${text}\``

/** A table of the fields of a schema; `none` when it has no fields. */
export function fieldTable(shape: Shape, none: string): string {
  const fields = fieldsOf(shape)
  return fields.length === 0 ? none : table(['field', 'type', 'meaning'], fields.map(fieldRow))
}

export function fieldRow({ path, type, isRequired, description }: Field): string[] {
  return [code(path), isRequired ? type : `${type}, optional`, description]
}

/** Blocks with one empty line between them. */
export const blocks = (...parts: readonly string[]) =>
  parts.filter((part) => part !== '').join('\n\n')
