/** What the `auth` of a case says of the server, and the credentials that it names. */
import { createHmac } from 'node:crypto'

export interface ServerAuth {
  readonly secret: string
  readonly apiKey: string | undefined
}

/** Undefined when the text says nothing of how the server is to be started. It may be JSON. */
export function serverAuth(text: string): ServerAuth | undefined {
  const secret = quoted(text, /jwt_secret["']?\s*[=:]\s*/)
  const apiKey = quoted(text, /api_key["']?\s*[=:]\s*/)
  if (secret === undefined && apiKey === undefined) return undefined
  return { secret: secret ?? 'a secret that no case knows', apiKey }
}

function quoted(text: string, before: RegExp): string | undefined {
  const match = new RegExp(`${before.source}(?:'([^']*)'|"([^"]*)"|([^\\s,;]+))`).exec(text)
  return match?.[1] ?? match?.[2] ?? match?.[3]
}

const HOUR = 3600 // s

interface Recipe {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  readonly without?: string
  /** Default: the one of the server. */
  readonly secret?: string
  readonly tail?: string
}

/** Parts of a name, and what each changes in a good token; `${JWT_SCOPE_READ}` is JWT and SCOPE_READ. */
const RECIPES: readonly (readonly [RegExp, (now: number, found: RegExpExecArray) => Recipe])[] = [
  [/EXPIRED_(?:IN|WITHIN)?_?LEEWAY|LEEWAY/, (now) => ({ claims: { exp: now - 30 } })],
  [/EXPIRED/, (now) => ({ claims: { exp: now - HOUR } })],
  [/ALG_NONE|UNSIGNED/, () => ({ header: { alg: 'none' } })],
  [/(?:ALG_)?(HS384|HS512)/, (_, [, alg]) => ({ header: { alg } })],
  [/ALG_(RS256|ES256)/, (_, [, alg]) => ({ header: { alg } })],
  [/WRONG|BAD_?SIG|INVALID|OTHER_SECRET|FORGED/, () => ({ secret: 'another secret' })],
  [/TAMPERED/, () => ({ tail: 'A' })],
  [/(?:WITH_)?AUD$/, () => ({ claims: { aud: 'somebody' } })],
  [/(?:WITH_)?NBF|NOT_BEFORE/, (now) => ({ claims: { nbf: now + HOUR } })],
  [
    /(?:NO|MISSING|WITHOUT)_(SUB|EXP|IAT|SCOPE)/,
    (_, [, claim = '']) => ({ without: claim.toLowerCase() }),
  ],
  [/SCOPE_STRING/, () => ({ claims: { scope: '*' } })],
  [/SCOPE_EMPTY|NO_SCOPES/, () => ({ claims: { scope: [] } })],
  [
    /SCOPE_(?!STRING|EMPTY)([A-Z]+)/,
    (_, [, scope = '']) => ({ claims: { scope: [scope.toLowerCase()] } }),
  ],
]

/** How a case writes an instant in words: `exp = now-3600`. */
const INSTANT = /\b(exp|iat|nbf)\s*=\s*now\s*(?:([-+])\s*(\d+))?/g

/** Instants that the words of a case give to the claims of its token. */
function instants(words: string, now: number): Readonly<Record<string, number>> {
  const found = [...words.matchAll(INSTANT)].map(([, claim = '', sign, seconds]) => {
    const offset = Number(seconds ?? 0) * (sign === '-' ? -1 : 1)
    return [claim, now + offset] as const
  })
  return Object.fromEntries(found)
}

/**
 * The token of a name such as `JWT_EXPIRED`; undefined for a name that says nothing known. `words`: what the
 * case says of its credential.
 */
export function tokenOf(
  name: string,
  secret: string,
  nowMs: number,
  words = '',
): string | undefined {
  if (!/^(?:VALID_)?(?:JWT|TOKEN)(?:_|$)/.test(name)) return undefined
  const now = Math.floor(nowMs / 1000)
  const rest = name.replace(/^(?:VALID_)?(?:JWT|TOKEN)_?/, '')
  const recipe = recipeOf(rest, now)
  if (recipe === undefined) return undefined
  const claims = {
    ...{ sub: 'conformance', exp: now + HOUR, iat: now, scope: ['*'] },
    ...recipe.claims,
    ...instants(words, now),
  }
  const kept = Object.entries(claims).filter(([claim]) => claim !== recipe.without)
  return sign({
    header: { typ: 'JWT', alg: 'HS256', ...recipe.header },
    claims: Object.fromEntries(kept),
    secret: recipe.secret ?? secret,
    tail: recipe.tail ?? '',
  })
}

function recipeOf(rest: string, now: number): Recipe | undefined {
  if (rest === '' || rest === 'VALID' || rest === 'OK') return {}
  for (const [pattern, recipe] of RECIPES) {
    const found = pattern.exec(rest)
    if (found) return recipe(now, found)
  }
  return undefined
}

interface Token {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly secret: string
  readonly tail: string
}

function sign({ header, claims, secret, tail }: Token): string {
  const text = `${part(header)}.${part(claims)}`
  if (header['alg'] === 'none') return `${text}.`
  const hash = { HS384: 'sha384', HS512: 'sha512' }[String(header['alg'])] ?? 'sha256'
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}${tail}`
}

function part(json: unknown): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}
