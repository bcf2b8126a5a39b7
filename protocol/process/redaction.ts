/**
 * Keeps secrets out of logs: fields by their names, credentials by their looks, and values that are known.
 * The log says who, what and when; what people and agents say to each other is in the journal alone.
 */

/** Stands where something was. */
export const REDACTED = '[redacted]'

/** Deeper than any field of a log; what lies below is left out. */
const MAX_DEPTH = 6
/** Entries of one list or record. */
const MAX_ENTRIES = 100
/** A known value that is shorter would be found in everything. */
const MIN_KNOWN = 6
/** Known values that are looked for in each line. */
const MAX_KNOWN = 256

/** Names of fields, without case and signs; or what they end with. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  ...['env', 'environment', 'cookie', 'setcookie', 'resume', 'credentials', 'mac', 'nonce', 'seed'],
  // what is said
  ...['prompt', 'text', 'content', 'thinking', 'input', 'output', 'context', 'body', 'params'],
  ...['args', 'argv', 'spawnargs', 'extraargs', 'headers', 'rawheaders', 'line', 'answer'],
])
const SECRET_ENDS =
  /(token|ticket|secret|password|passwd|passphrase|apikey|secretkey|privatekey|authorization|prompt)$/

/** What is a credential wherever it stands. None of them reaches over a quote of JSON. */
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"\\]+@/gi, `$1${REDACTED}@`],
  [/\b(bearer|basic)\s+(?=\S*[\d._~+/=-])[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\bsk-[\w-]{8,}/g, REDACTED],
]

/** Variables whose values are secret, by the looks of their names. */
const SECRET_VARIABLE =
  /(^|_)KEYS?(_|$)|APIKEY|TOKEN|SECRET|PASSWORD|PASSWD|_PWD$|CREDENTIAL|COOKIE/i

/** Values of the environment that must not be told. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const isNumber = /^\d*$/.test(value ?? '') // how long a token lives is no secret
    return value !== undefined && !isNumber && SECRET_VARIABLE.test(name) ? [value] : []
  })
}

/** A text without what looks like a credential. */
export function withoutCredentials(text: string): string {
  return CREDENTIALS.reduce((left, [looks, put]) => left.replace(looks, put), text)
}

export class Redaction {
  readonly #known: readonly string[]

  /** `secrets` are values that are left out wherever they stand. */
  constructor(secrets: readonly string[]) {
    const long = secrets.filter(({ length }) => length >= MIN_KNOWN)
    // As they are, and as they stand in a line of JSON; a long one may hold a short one.
    const forms = new Set(long.flatMap((one) => [one, JSON.stringify(one).slice(1, -1)]))
    this.#known = [...forms].sort((a, b) => b.length - a.length).slice(0, MAX_KNOWN)
  }

  /** A line of the log. */
  line(line: string): string {
    const left = this.#known.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), line)
    return withoutCredentials(left)
  }

  /** The fields of a line: what has the name of a secret is left out, errors are as the log has them. */
  fields(fields: object): Record<string, unknown> {
    return withoutSecrets(fields, MAX_DEPTH)
  }
}

function withoutSecrets(record: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(record).slice(0, MAX_ENTRIES)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isSecret(name) ? REDACTED : plain(value, depth - 1)]),
  )
}

function isSecret(name: string): boolean {
  const bare = name.toLowerCase().replace(/[^a-z0-9]/g, '')
  return SECRET_NAMES.has(bare) || SECRET_ENDS.test(bare)
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`
  if (depth <= 0) return '[…]'
  if (value instanceof Error) return errorFields(value, depth)
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((one) => plain(one, depth - 1))
  return withoutSecrets(value, depth)
}

/** What is known of an error; its own fields as any others. */
function errorFields(error: Error, depth: number): object {
  const { name, message, stack, cause } = error
  return {
    ...withoutSecrets(error, depth),
    ...{ type: name, message, stack },
    ...(cause !== undefined && { cause: plain(cause, depth - 1) }),
  }
}
