/**
 * Settings of a part, from one schema: flags over environment over config file over defaults. The schema
 * also gives the flags and their help, so that a setting exists in one place. Pure: the caller reads the
 * file and the environment.
 */

import { ProtocolError } from './errors.ts'
import { nearest } from './nearest.ts'
import { matches, mismatch } from './schema.ts'
import { isSecret } from './secret-settings.ts'
import { type Static, type TObject, type TProperties, type TSchema, Type } from './typebox.ts'

/** A flag as a command line parser wants it. */
export interface Flag {
  readonly type: 'string' | 'number' | 'boolean'
  readonly array: boolean
  readonly describe: string
  readonly choices?: readonly string[]
  readonly defaultDescription?: string
}

export interface SettingSources {
  /** Parsed flags, by flag name; absent flags are undefined. */
  readonly flags?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The section of the config file for this part. */
  readonly file?: unknown
  /** Named in errors. */
  readonly fileName?: string
}

interface Annotated {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly anyOf?: readonly { readonly const?: unknown }[]
  readonly flag?: string
}

const annotations = (schema: TSchema): Annotated => schema as unknown as Annotated

/** `max_sessions` is `--max-sessions`, unless its schema names another flag. */
function flagName(key: string, schema: TSchema): string {
  return annotations(schema).flag ?? key.replaceAll('_', '-')
}

/** `max_sessions` is `AGENTMQ_MAX_SESSIONS`. */
export function environmentName(key: string): string {
  return `AGENTMQ_${key.toUpperCase()}`
}

export function flagsOf(schema: TObject<TProperties>): Record<string, Flag> {
  return Object.fromEntries(
    Object.entries(schema.properties).map(([key, property]) => [
      flagName(key, property),
      flagOf(key, property),
    ]),
  )
}

function flagOf(key: string, schema: TSchema): Flag {
  const { type, description = '', default: fallback, anyOf } = annotations(schema)
  const choices = anyOf?.map((choice) => String(choice.const))
  const shown = fallback === undefined || fallback === '' ? undefined : JSON.stringify(fallback)
  return {
    type:
      type === 'integer' || type === 'number'
        ? 'number'
        : type === 'boolean'
          ? 'boolean'
          : 'string',
    array: type === 'array',
    describe: `${description} [${environmentName(key)}]`,
    ...(choices && { choices }),
    ...(shown !== undefined && { defaultDescription: shown }),
  }
}

/** Merges the sources and checks every value. Throws BAD_CONFIG that names the source and the key. */
export function resolveSettings<P extends TProperties>(
  schema: TObject<P>,
  sources: SettingSources,
): Readonly<Static<TObject<P>>> {
  const { flags = {}, env = {}, fileName = 'config file' } = sources
  const file = fileSection(schema, sources.file, fileName)
  const settings: Record<string, unknown> = {}
  for (const [key, property] of Object.entries(schema.properties)) {
    const flag = flagName(key, property)
    const variable = env[environmentName(key)]
    if (flags[flag] !== undefined) {
      settings[key] = take(`--${flag}`, property, fromFlag(property, flags[flag]))
    } else if (variable !== undefined && variable !== '') {
      settings[key] = take(environmentName(key), property, fromText(property, variable))
    } else if (file[key] !== undefined)
      settings[key] = take(`${fileName}: ${key}`, property, file[key])
    else if (annotations(property).default !== undefined)
      settings[key] = annotations(property).default
  }
  const problem = mismatch(schema, settings)
  if (problem !== undefined)
    throw new ProtocolError('BAD_CONFIG', { source: 'settings', reason: problem })
  return settings as Static<TObject<P>>
}

function fileSection(schema: TObject<TProperties>, section: unknown, fileName: string) {
  if (section === undefined) return {}
  if (!matches(Type.Record(Type.String(), Type.Unknown()), section)) {
    throw new ProtocolError('BAD_CONFIG', { source: fileName, reason: 'must be a JSON object' })
  }
  rejectUnknown(Object.keys(section), Object.keys(schema.properties), fileName)
  return section
}

/** Throws BAD_CONFIG for the first key that is not known, with the nearest one that is. */
export function rejectUnknown(
  keys: readonly string[],
  known: readonly string[],
  source: string,
): void {
  for (const key of keys) {
    if (known.includes(key)) continue
    const guess = nearest(key, known)
    const hint = guess === undefined ? `known are ${known.join(', ')}` : `did you mean ${guess}?`
    throw new ProtocolError('BAD_CONFIG', { source, reason: `unknown key ${key}; ${hint}` })
  }
}

/** The parser of flags has made numbers and booleans already, but knows no objects. */
function fromFlag(schema: TSchema, value: unknown): unknown {
  const isText = typeof value === 'string' && annotations(schema).type === 'object'
  return isText ? fromText(schema, value) : value
}

function fromText(schema: TSchema, text: string): unknown {
  switch (annotations(schema).type) {
    case 'integer':
    case 'number':
      return Number(text)
    case 'boolean':
      return text === '1' || text === 'true'
        ? true
        : text === '0' || text === 'false'
          ? false
          : text
    case 'array':
      return text.split(',').map((item) => item.trim())
    case 'object':
      return fromJson(text)
    default:
      return text
  }
}

/** Of an object the path says enough; what it holds may be nobody's business, also when it is no JSON. */
function shown(schema: TSchema, value: unknown): string {
  const isHidden = isSecret(schema) || annotations(schema).type === 'object'
  if (isHidden || typeof value === 'object') return ''
  return `${Number.isNaN(value) ? 'this' : JSON.stringify(value)} `
}

/** What is no JSON stays text, and is refused as that. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function take(source: string, schema: TSchema, value: unknown): unknown {
  const problem = mismatch(schema, value)
  if (problem === undefined) return value
  const reason = problem.replace(/^\/ /, '')
  throw new ProtocolError('BAD_CONFIG', {
    source,
    reason: `${shown(schema, value)}${reason}`,
  })
}
