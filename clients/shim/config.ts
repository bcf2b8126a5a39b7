/** The settings of the shim: one schema for flags, environment, config file, defaults and help. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  type AccessSettings,
  accessSettings,
  contextSetting,
  type Environment,
  type Places,
  placeSettings,
  resolvePlaces,
} from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { placeOf } from '../../protocol/process/context-file.ts'
import { processSettings } from '../../protocol/process-settings.ts'
import { resolveSettings, type SettingSources } from '../../protocol/settings.ts'
import { type Static, Type } from '../../protocol/typebox.ts'
import { attachSettings } from './attach/settings.ts'
import { eventsSettings } from './events/settings.ts'
import { httpSettings } from './http/settings.ts'
import { legacySettings } from './legacy/settings.ts'
import { metricsSettings } from './metrics/settings.ts'
import { pubSettings } from './pub/settings.ts'
import { repSettings } from './rep/settings.ts'
import { sseSettings } from './sse/settings.ts'
import { unixSettings } from './unix/settings.ts'

export const ShimSettings = Type.Object({
  ...placeSettings,
  ...contextSetting,
  ...accessSettings,
  ...httpSettings,
  ...unixSettings,
  ...pubSettings,
  ...eventsSettings,
  ...repSettings,
  ...attachSettings,
  ...metricsSettings,
  ...sseSettings,
  ...legacySettings,
  ...processSettings('shim', 'usable'),
})
export type ShimSettings = Static<typeof ShimSettings>

export interface ShimConfig extends ShimSettings {
  readonly places: Places
  readonly access: AccessSettings
  readonly unix_path: string
}

/** Throws BAD_CONFIG. */
export function shimConfig(
  sources: SettingSources & { readonly env: Environment },
): Readonly<ShimConfig> {
  const settings = resolveSettings(ShimSettings, sources)
  checkExposure(settings)
  checkAuth(settings)
  const home = sources.env['HOME'] || homedir()
  const place = placeOf(sources)
  return {
    ...settings,
    places: resolvePlaces(sources.env, place),
    access: place,
    unix_path: settings.unix_path ?? join(home, '.descartes', 'run', 'daemon.sock'),
  }
}

const EXPOSABLE = ['http', 'pub', 'ws', 'rep', 'metrics'] as const
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|::1)$/

/** A door that asks nobody who they are is never opened to a network by accident. */
function checkExposure(settings: ShimSettings): void {
  for (const door of EXPOSABLE) {
    const address = settings[`${door}_host`]
    const isAsking = door === 'http' && settings.enable_auth
    if (!settings[door] || LOOPBACK.test(address) || isAsking || settings[`expose_${door}`])
      continue
    const reason = `${address} can be reached by others, and ${door} asks nobody who they are; say --expose-${door} if it should be so`
    throw new ProtocolError('BAD_CONFIG', { source: `${door}_host`, reason })
  }
}

/** The secret that the old daemon was shipped with, and refused. */
const WELL_KNOWN_SECRET = 'default-secret-change-in-production'

function checkAuth({ enable_auth, jwt_secret, api_key, act_for_users }: ShimSettings): void {
  const refuse = (reason: string, source = 'jwt_secret'): never => {
    throw new ProtocolError('BAD_CONFIG', { source, reason })
  }
  if (act_for_users && !(enable_auth && jwt_secret !== undefined)) {
    refuse('it needs enable_auth and jwt_secret: only a token names a user', 'act_for_users')
  }
  if (!enable_auth) return
  if (jwt_secret === WELL_KNOWN_SECRET) refuse('everybody knows this one; choose another')
  if (jwt_secret === undefined && api_key === undefined) {
    refuse('enable_auth needs jwt_secret, api_key or both')
  }
}
