/** Settings whose values nobody is told: neither in errors nor in logs. */
import type { TSchema } from './typebox.ts'

/** To be spread into the options of a schema. */
export const secret = { secret: true } as const

interface Annotated {
  readonly secret?: boolean
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly patternProperties?: Readonly<Record<string, TSchema>>
}

export function isSecret(schema: TSchema): boolean {
  return (schema as Annotated).secret === true
}

/** Every text that stands where the schema says that it is secret. */
export function secretValues(schema: TSchema, value: unknown): string[] {
  if (isSecret(schema)) return texts(value)
  if (typeof value !== 'object' || value === null) return []
  const { properties = {}, patternProperties = {} } = schema as Annotated
  const [rest] = Object.values(patternProperties)
  return Object.entries(value).flatMap(([name, member]) => {
    const its = Object.hasOwn(properties, name) ? properties[name] : rest
    return its === undefined ? [] : secretValues(its, member)
  })
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
}
