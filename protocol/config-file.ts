/** The config file: one JSON object with a section for each part. Pure: the caller reads the file. */
import { join } from 'node:path'
import type { Environment } from './endpoints.ts'
import { ProtocolError } from './errors.ts'
import { jsonFault } from './json-fault.ts'
import { matches } from './schema.ts'
import { rejectUnknown } from './settings.ts'
import { Type } from './typebox.ts'

export const CONFIG_PARTS = ['broker', 'host', 'shim', 'client', 'contexts'] as const
export type ConfigPart = (typeof CONFIG_PARTS)[number]

/** Where the file is when nobody names one; undefined without a home directory. */
export function defaultConfigPath(env: Environment): string | undefined {
  const home = env['XDG_CONFIG_HOME'] || (env['HOME'] && join(env['HOME'], '.config'))
  return home ? join(home, 'agentmq', 'config.json') : undefined
}

/** The section for a part; undefined when the file has none. Throws BAD_CONFIG that names the file. */
export function configSection(text: string, part: ConfigPart, fileName: string): unknown {
  const parsed = parse(text, fileName)
  if (!matches(Type.Record(Type.String(), Type.Unknown()), parsed)) {
    throw new ProtocolError('BAD_CONFIG', { source: fileName, reason: 'must be a JSON object' })
  }
  rejectUnknown(Object.keys(parsed), CONFIG_PARTS, fileName)
  return parsed[part]
}

function parse(text: string, fileName: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    // Not as a cause either: a stack begins with the message.
    const reason = `is not JSON: ${jsonFault(text, thrown)}`
    throw new ProtocolError('BAD_CONFIG', { source: fileName, reason })
  }
}
