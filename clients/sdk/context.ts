/** Finds the place that a context names: reads the config file of the environment. */
import { readFileSync } from 'node:fs'
import { defaultConfigPath } from '../../protocol/config-file.ts'
import { placeOfContext, unknownContext } from '../../protocol/contexts.ts'
import type { Environment, PlaceSettings } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'

/** The place that a context names. Throws BAD_CONFIG, naming the nearest context there is. */
export function contextPlace(name: string, env: Environment): PlaceSettings {
  const file = env['AGENTMQ_CONFIG'] || defaultConfigPath(env)
  if (file === undefined) throw unknownContext(name, 'config file')
  return placeOfContext(name, read(file), file)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('BAD_CONFIG', { source: file, reason }, { where: 'client', cause })
  }
}
