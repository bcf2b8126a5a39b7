/** Contexts: named places of brokers, in the section `contexts` of the config file. Pure: the caller reads the file. */

import { configSection } from './config-file.ts'
import { accessSettings, type PlaceSettings, placeSettings } from './endpoints.ts'
import { ProtocolError } from './errors.ts'
import { nearest } from './nearest.ts'
import { checked } from './schema.ts'
import { Type } from './typebox.ts'

const Contexts = Type.Record(
  Type.String(),
  Type.Object({ ...placeSettings, ...accessSettings }, { additionalProperties: false }),
)

/** All contexts of this file, by name. Throws BAD_CONFIG. */
export function contextsOf(
  text: string,
  fileName: string,
): Readonly<Record<string, PlaceSettings>> {
  const section = configSection(text, 'contexts', fileName) ?? {}
  return checked(Contexts, section, 'BAD_CONFIG', { source: `${fileName}: contexts` })
}

/** The place that a context names in this file. Throws BAD_CONFIG, naming the nearest context there is. */
export function placeOfContext(name: string, text: string, fileName: string): PlaceSettings {
  const contexts = contextsOf(text, fileName)
  const place = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (place) return place
  throw unknownContext(name, fileName, Object.keys(contexts))
}

export function unknownContext(
  name: string,
  source: string,
  known: readonly string[] = [],
): ProtocolError {
  const guess = nearest(name, known)
  const hint =
    guess === undefined ? `known are: ${known.join(', ') || 'none'}` : `did you mean ${guess}?`
  const reason = `there is no context ${name}; ${hint}`
  return new ProtocolError('BAD_CONFIG', { source, reason })
}
