/** Who may use HTTP: a token of HS256 or the API key, found where the old daemon looked for it. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { compactVerify } from 'jose'
import { matches } from '../../../protocol/schema.ts'
import { Type } from '../../../protocol/typebox.ts'
import { isMap, type JsonValue } from '../legacy/json/value.ts'

export interface AuthSettings {
  readonly enable_auth: boolean
  readonly jwt_secret?: string
  readonly api_key?: string
  readonly act_for_users?: boolean
}

/** Somebody who may come in. */
export interface Admitted {
  /** The user that the shim acts for; undefined = it acts for itself. */
  readonly user: string | undefined
}

const AS_ITSELF: Admitted = { user: undefined }

/** How far clocks may be apart, s. */
const LEEWAY_S = 60

/** All of them must be there; `aud` must not, because nobody says what it should be. */
const Claims = Type.Object({
  sub: Type.String(),
  exp: Type.Integer(),
  iat: Type.Integer(),
  scope: Type.Array(Type.String()),
})

/** Decides for each request; the same token is looked at once. */
export class Auth {
  readonly #settings: AuthSettings
  readonly #wall: () => number

  constructor(settings: AuthSettings, wall: () => number) {
    this.#settings = settings
    this.#wall = wall
  }

  /** Undefined = it may not come in. */
  async admit(authorization: string | undefined, params: JsonValue): Promise<Admitted | undefined> {
    if (!this.#settings.enable_auth) return AS_ITSELF
    const token = tokenOf(authorization, params)
    if (token === undefined) return undefined
    const subject = await this.#subjectOf(token)
    if (subject === undefined) return this.#isApiKey(token) ? AS_ITSELF : undefined
    return this.#settings.act_for_users === true ? { user: subject } : AS_ITSELF
  }

  /** Whom a valid token names; undefined for one that is not. */
  async #subjectOf(token: string): Promise<string | undefined> {
    const { jwt_secret } = this.#settings
    if (jwt_secret === undefined) return undefined
    try {
      const key = new TextEncoder().encode(jwt_secret)
      const { payload } = await compactVerify(token, key, { algorithms: ['HS256'] })
      const claims: unknown = JSON.parse(new TextDecoder().decode(payload))
      if (!matches(Claims, claims) || 'aud' in claims) return undefined
      return claims.exp >= this.#wall() / 1000 - LEEWAY_S ? claims.sub : undefined
    } catch {
      return undefined
    }
  }

  /** In a time that tells nothing about the key. */
  #isApiKey(token: string): boolean {
    const { api_key } = this.#settings
    return api_key !== undefined && timingSafeEqual(digest(token), digest(api_key))
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The first credential there is, even if it is none that opens. */
function tokenOf(authorization: string | undefined, params: JsonValue): string | undefined {
  if (authorization !== undefined) return headerToken(authorization)
  if (!isMap(params)) return undefined
  const direct = params.get('auth_token')
  if (typeof direct === 'string') return direct
  const auth = params.get('auth')
  const nested = isMap(auth) ? auth.get('token') : undefined
  return typeof nested === 'string' ? nested : undefined
}

/** What follows `Bearer`; otherwise the whole value. */
function headerToken(value: string): string {
  const space = value.indexOf(' ')
  const token = space === -1 ? '' : value.slice(space + 1).trim()
  const isBearer = space !== -1 && value.slice(0, space).toLowerCase() === 'bearer'
  return isBearer && token !== '' ? token : value.trim()
}
