/** One value that fits a schema, by chance and without a framework; the test says what names stand for. */
import type { TSchema } from '../../protocol/typebox.ts'

/** The parts of a JSON Schema that the parameters of methods use. */
interface Shape {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly items?: Shape | readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly minItems?: number
}

export interface Chance {
  /** 0, 1, … below `count`. */
  below(count: number): number
  pick<T>(choices: readonly T[]): T | undefined
}

export function chanceOf(random: () => number): Chance {
  const below = (count: number) => Math.floor(random() * count)
  return { below, pick: (choices) => choices[below(choices.length)] }
}

/** What a property of this name is given; undefined = whatever fits. */
export type Meaning = (name: string) => unknown

/** Properties that are not required are there about one time in so many; 0 = never. */
export interface SampleOptions {
  readonly chance: Chance
  readonly meaning: Meaning
  readonly optionals: number
}

export function sample(schema: TSchema, options: SampleOptions): unknown {
  return ofShape(schema as Shape, options)
}

function ofShape(shape: Shape, options: SampleOptions): unknown {
  const { chance } = options
  if (shape.const !== undefined) return shape.const
  if (shape.anyOf) return ofShape(chance.pick(shape.anyOf) ?? {}, options)
  switch (shape.type) {
    case 'string':
      return text(shape, chance)
    case 'integer':
    case 'number':
      return number(shape, chance)
    case 'boolean':
      return chance.below(2) === 1
    case 'null':
      return null
    case 'array':
      return list(shape, options)
    case 'object':
      return record(shape, options)
    default:
      return chance.pick([1, 'a', null, { a: 1 }])
  }
}

const TEXTS = ['a', 'A1', '1', '1.0', 'SIGINT', 'abcdef', '@events', 'a'.repeat(40)]

function text({ pattern, minLength = 0 }: Shape, chance: Chance): string {
  const fits = (one: string) => one.length >= minLength && new RegExp(pattern ?? '').test(one)
  const found = chance.pick(TEXTS.filter(fits))
  if (found === undefined) throw new Error(`no text for ${pattern ?? ''}: add one to this file`)
  return found
}

function number({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Shape, chance: Chance) {
  return Math.min(maximum, minimum + chance.below(20))
}

function list({ items, minItems = 0 }: Shape, options: SampleOptions): unknown[] {
  if (Array.isArray(items)) return items.map((item) => ofShape(item as Shape, options))
  const count = Math.max(minItems, options.chance.below(3))
  return Array.from({ length: count }, () => ofShape((items ?? {}) as Shape, options))
}

function record({ properties = {}, required = [] }: Shape, options: SampleOptions) {
  const { chance, optionals } = options
  const isThere = (name: string) =>
    required.includes(name) || (optionals > 0 && chance.below(optionals) === 0)
  const entries = Object.entries(properties).filter(([name]) => isThere(name))
  return Object.fromEntries(entries.map(([name, shape]) => [name, member(name, shape, options)]))
}

/** A list of what has a meaning has members with that meaning. */
function member(name: string, shape: Shape, options: SampleOptions): unknown {
  const meant = options.meaning(name)
  if (meant === undefined) return ofShape(shape, options)
  return shape.type === 'array' && !Array.isArray(meant) ? [meant] : meant
}

/** The names of all properties in a schema, at any depth. */
export function namesIn(schema: TSchema): ReadonlySet<string> {
  const names = new Set<string>()
  const walk = ({ anyOf = [], items = [], properties = {} }: Shape): void => {
    for (const [name, shape] of Object.entries(properties)) {
      names.add(name)
      walk(shape)
    }
    for (const shape of [...anyOf, ...[items].flat()]) walk(shape)
  }
  walk(schema as Shape)
  return names
}
