/** Contexts: named places of brokers, in the section `contexts` of the config file. */
import { readFileSync } from 'node:fs'
import { Type } from 'typebox'
import { configSection, defaultConfigPath } from '../../protocol/config-file.ts'
import { type Environment, type PlaceSettings, placeSettings } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { nearest } from '../../protocol/nearest.ts'
import { checked } from '../../protocol/schema.ts'

const Contexts = Type.Record(
  Type.String(),
  Type.Object(placeSettings, { additionalProperties: false }),
)

/** The place that a context names. Throws BAD_CONFIG, naming the nearest context there is. */
export function contextPlace(name: string, env: Environment): PlaceSettings {
  const file = env['AGENTMQ_CONFIG'] || defaultConfigPath(env)
  if (file === undefined) throw unknownContext(name, 'config file', [])
  const section = configSection(read(file), 'contexts', file) ?? {}
  const contexts = checked(Contexts, section, 'BAD_CONFIG', { source: `${file}: contexts` })
  const place = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (place) return place
  throw unknownContext(name, file, Object.keys(contexts))
}

function unknownContext(name: string, source: string, known: readonly string[]): ProtocolError {
  const guess = nearest(name, known)
  const hint =
    guess === undefined ? `known are: ${known.join(', ') || 'none'}` : `did you mean ${guess}?`
  const reason = `there is no context ${name}; ${hint}`
  return new ProtocolError('BAD_CONFIG', { source, reason }, { where: 'client' })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('BAD_CONFIG', { source: file, reason }, { where: 'client', cause })
  }
}
