/** Settings of the command line: flags over environment over the `client` section of the config file. */
import { existsSync, readFileSync } from 'node:fs'
import { configSection, defaultConfigPath } from '../../protocol/config-file.ts'
import {
  accessSettings,
  contextSetting,
  type PlaceSettings,
  type Places,
  placeSettings,
  resolvePlaces,
} from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { givenPlaces, meantContext } from '../../protocol/meant-place.ts'
import { placeOf } from '../../protocol/process/context-file.ts'
import { resolveSettings, type SettingSources } from '../../protocol/settings.ts'
import { type Static, Type } from '../../protocol/typebox.ts'
import type { ConnectOptions } from '../sdk/index.ts'
import type { Cli, Globals } from './command.ts'

export const CliSettings = Type.Object({
  ...placeSettings,
  ...contextSetting,
  ...accessSettings,
  backend: Type.Optional(
    Type.String({ minLength: 1, description: 'Backend of `agentmq chat` when none is named' }),
  ),
})
type Resolved = Readonly<Static<typeof CliSettings>>

/** All settings, with the place that is meant. */
export type CliSettings = Pick<Resolved, 'backend'> & PlaceSettings

type Source = Pick<Cli, 'env' | 'globals'>

/** Throws BAD_CONFIG. */
export function readSettings(source: Source): CliSettings {
  const sources = sourcesOf(source)
  const { backend } = resolveSettings(CliSettings, sources)
  return { ...placeOf(sources), ...(backend !== undefined && { backend }) }
}

/** The name of the context that holds, whether there is such a one or not; undefined = none. Throws BAD_CONFIG. */
export function readContextName(source: Source): string | undefined {
  return meantContext(givenPlaces(sourcesOf(source)))
}

/** As commands with `--context NAME` have them. Throws BAD_CONFIG. */
export function readContextSettings({ env, globals }: Source, name: string): CliSettings {
  const { config, json, debug } = globals
  const nothing = { dir: undefined, endpoint: undefined, 'broker-key': undefined }
  const none = { ...nothing, 'key-file': undefined, 'foreign-socket': undefined }
  return readSettings({ env, globals: { ...none, config, json, debug, context: name } })
}

export function readPlaces(source: Source): Places {
  return resolvePlaces(source.env, readSettings(source))
}

/**
 * The place of what runs here: a context counts when a flag names it, and not because clients of this user
 * usually talk to it. Throws BAD_CONFIG.
 */
export function readOwnPlace(source: Source): PlaceSettings {
  const { env, file, ...rest } = sourcesOf(source)
  return placeOf({ ...rest, env: withoutContext(env), file: withoutContext(file) })
}

/** The environment of what runs here. */
export function withoutContext<T>(section: T): T {
  if (typeof section !== 'object' || section === null) return section
  const { context: _, AGENTMQ_CONTEXT: __, ...rest } = section as Readonly<Record<string, unknown>>
  return rest as T
}

/** What `connect` needs of them. */
export function connectOptions(env: Cli['env'], settings: PlaceSettings): ConnectOptions {
  const { dir, endpoint, broker_key, key_file, foreign_socket } = settings
  return {
    env,
    dir,
    endpoint,
    brokerKey: broker_key,
    keyFile: key_file,
    foreignSocket: foreign_socket,
  }
}

function sourcesOf({ env, globals }: Source): SettingSources & { readonly env: Cli['env'] } {
  return { flags: flagsOf(globals), env, ...configFile({ env, globals }) }
}

/** Without those that have no setting. */
function flagsOf({ json: _, debug: __, ...flags }: Globals): Readonly<Record<string, unknown>> {
  return flags
}

/** The file that --config or AGENTMQ_CONFIG names, or the usual one if it is there. */
function configFile(source: Source): { file?: unknown; fileName?: string } {
  const fileName = configPath(source)
  const isNamed = fileName !== defaultConfigPath(source.env)
  if (fileName === undefined || (!isNamed && !existsSync(fileName))) return {}
  return { file: configSection(readText(fileName), 'client', fileName), fileName }
}

/** Where the config file is, or would be. */
export function configPath({ env, globals }: Source): string | undefined {
  return globals.config ?? (env['AGENTMQ_CONFIG'] || defaultConfigPath(env))
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
