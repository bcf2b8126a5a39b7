/** Finds the place that a context names, and the one that is meant at all: reads the config file of the environment. */
import { readFileSync } from 'node:fs'
import { defaultConfigPath } from '../config-file.ts'
import { placeOfContext, unknownContext } from '../contexts.ts'
import type { Environment, PlaceSettings } from '../endpoints.ts'
import { ProtocolError } from '../errors.ts'
import { givenPlaces, meantPlace } from '../meant-place.ts'
import type { SettingSources } from '../settings.ts'

/** The place that a context names. Throws BAD_CONFIG, naming the nearest context there is. */
export function contextPlace(name: string, env: Environment): PlaceSettings {
  const file = env['AGENTMQ_CONFIG'] || defaultConfigPath(env)
  if (file === undefined) throw unknownContext(name, 'config file')
  return placeOfContext(name, read(file, name), file)
}

/** The place that flags, environment and file mean together; `--config` names the file of the contexts too. */
export function placeOf(sources: SettingSources & { readonly env: Environment }): PlaceSettings {
  const { flags = {}, env } = sources
  const { config } = flags
  const where = typeof config === 'string' ? { ...env, AGENTMQ_CONFIG: config } : env
  return meantPlace(givenPlaces(sources), (name) => contextPlace(name, where))
}

function read(file: string, context: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const what = `the context ${context} cannot be looked up: ${reason}`
    throw new ProtocolError('BAD_CONFIG', { source: file, reason: what }, { cause })
  }
}
