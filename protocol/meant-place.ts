/** Which broker is meant, where flags, environment and config file each may name a context or a place. Pure. */

import { accessSettings, contextSetting, type PlaceSettings, placeSettings } from './endpoints.ts'
import { resolveSettings, type SettingSources } from './settings.ts'
import { Type } from './typebox.ts'

/** What was said in one way. */
export interface GivenPlace extends PlaceSettings {
  readonly context?: string | undefined
}

const Given = Type.Object({ ...placeSettings, ...accessSettings, ...contextSetting })
const KEYS: readonly string[] = Object.keys(Given.properties)

/** What flags, environment and file say, the weightiest first. Throws BAD_CONFIG. */
export function givenPlaces({ flags, env, file, fileName }: SettingSources): GivenPlace[] {
  return [
    resolveSettings(Given, { flags: ofPlaces(flags) }),
    resolveSettings(Given, { env: env ?? {} }),
    resolveSettings(Given, { file: ofPlaces(file), ...(fileName !== undefined && { fileName }) }),
  ]
}

/** The rest of a section is for others to check. */
function ofPlaces(section: unknown): Record<string, unknown> {
  if (typeof section !== 'object' || section === null) return {}
  const isOfPlaces = (name: string) => KEYS.includes(name.replaceAll('-', '_'))
  return Object.fromEntries(Object.entries(section).filter(([name]) => isOfPlaces(name)))
}

/**
 * A context holds where nothing weightier than itself names a place: AGENTMQ_DIR goes before the context of the
 * config file, `--context` before AGENTMQ_DIR. What is said beside it, or above it, is put over it.
 */
export function meantPlace(
  givens: readonly GivenPlace[],
  placeOfContext: (name: string) => PlaceSettings,
): PlaceSettings {
  const at = givens.findIndex(namesPlace)
  const context = meantContext(givens)
  if (context === undefined) return merged(givens)
  const place = merged([...givens.slice(0, at + 1), placeOfContext(context)])
  // The endpoint and the key of another broker are not for this one; the files of this user are.
  const { dir, key_file, foreign_socket } = merged(givens.slice(at + 1))
  const isElsewhere = place.endpoint !== undefined
  return merged([place, { key_file, foreign_socket, ...(isElsewhere && { dir }) }])
}

/** The context that holds, if one does. */
export function meantContext(givens: readonly GivenPlace[]): string | undefined {
  return givens.find(namesPlace)?.context
}

function namesPlace({ context, dir, endpoint }: GivenPlace): boolean {
  return context !== undefined || dir !== undefined || endpoint !== undefined
}

/** The first ones go over those that follow. */
function merged(places: readonly GivenPlace[]): PlaceSettings {
  const { context: _, ...place }: GivenPlace = Object.assign({}, ...places.map(said).reverse())
  return place
}

function said(place: GivenPlace): GivenPlace {
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined))
}
