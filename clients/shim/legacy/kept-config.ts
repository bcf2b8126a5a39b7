/** What of a config is kept with an agent, where everybody who may look at agents and events can read it. */

/** Bytes of a config that are kept; of a larger one nothing is. */
export const CONFIG_KEPT = 12_288

/** Stands for the value of a variable: the agent got it, and nobody else does. */
export const NOT_KEPT = '***'

/** Members of a config that hold variables of the environment. */
const SECRETS: ReadonlySet<string> = new Set(['environment', 'env'])

/** The config without values of its environment; undefined when it is too large. Pure. */
export function keptConfig(config: unknown): unknown {
  const kept = isRecord(config) ? withoutValues(config) : (config ?? null)
  return Buffer.byteLength(JSON.stringify(kept)) <= CONFIG_KEPT ? kept : undefined
}

function withoutValues(config: Readonly<Record<string, unknown>>): object {
  const members = Object.entries(config).map(([name, value]): [string, unknown] => [
    name,
    SECRETS.has(name) ? namesOf(value) : value,
  ])
  return Object.fromEntries(members)
}

/** Of what is no object of variables not even names are known. */
function namesOf(value: unknown): unknown {
  if (value === null) return null
  if (!isRecord(value)) return NOT_KEPT
  return Object.fromEntries(Object.keys(value).map((name) => [name, NOT_KEPT]))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
