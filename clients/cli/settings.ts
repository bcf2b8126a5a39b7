/** Settings of the command line: flags over environment over the `client` section of the config file. */
import { existsSync, readFileSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import { configSection, defaultConfigPath } from '../../protocol/config-file.ts'
import { type Places, placeSettings, resolvePlaces } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { resolveSettings } from '../../protocol/settings.ts'
import { contextPlace } from '../sdk/context.ts'
import type { Cli } from './command.ts'

export const CliSettings = Type.Object({
  ...placeSettings,
  context: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'A place of the section "contexts" of the config file',
    }),
  ),
  backend: Type.Optional(
    Type.String({ minLength: 1, description: 'Backend of `agentmq chat` when none is named' }),
  ),
})
export type CliSettings = Readonly<Static<typeof CliSettings>>

type Source = Pick<Cli, 'env' | 'globals'>

export function readSettings({ env, globals }: Source): CliSettings {
  const { dir, endpoint, context, config } = globals
  const settings = resolveSettings(CliSettings, {
    flags: { dir, endpoint, context },
    env,
    ...configFile({ env, globals }),
  })
  const isPlaced = settings.dir !== undefined || settings.endpoint !== undefined
  if (settings.context === undefined || isPlaced) return settings
  const contextEnv = config === undefined ? env : { ...env, AGENTMQ_CONFIG: config }
  const { dir: contextDir, endpoint: contextEndpoint } = contextPlace(settings.context, contextEnv)
  return {
    ...settings,
    ...(contextDir !== undefined && { dir: contextDir }),
    ...(contextEndpoint !== undefined && { endpoint: contextEndpoint }),
  }
}

export function readPlaces(source: Source): Places {
  return resolvePlaces(source.env, readSettings(source))
}

/** The file that --config or AGENTMQ_CONFIG names, or the usual one if it is there. */
function configFile({ env, globals }: Source): { file?: unknown; fileName?: string } {
  const named = globals.config ?? (env['AGENTMQ_CONFIG'] || undefined)
  const fileName = named ?? defaultConfigPath(env)
  if (fileName === undefined || (named === undefined && !existsSync(fileName))) return {}
  return { file: configSection(readText(fileName), 'client', fileName), fileName }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`
    throw new ProtocolError('BAD_CONFIG', { source: path, reason }, { where: 'cli', cause })
  }
}
