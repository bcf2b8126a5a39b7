/** What one case needs: of the stack, before it sends, and whether it may share a server. */
import { isArray, isObject, type Json, writeExact } from './exact-json.ts'
import { type Precondition, preconditions } from './setup-words.ts'
import type { StackKind } from './stack.ts'
import { type ServerAuth, serverAuth } from './tokens.ts'
import type { SetupStep, Vector } from './vector.ts'

export interface Plan {
  readonly kind: StackKind
  readonly steps: readonly SetupStep[]
  readonly words: readonly Precondition[]
  /** It neither changes the state of a server nor depends on what is in it. */
  readonly isStateless: boolean
}

/** The reason when the case needs something that this runner cannot provide. */
export function planOf(vector: Vector): Plan | string {
  const { setup } = vector
  const said = typeof setup === 'string' ? setup : ''
  const words = preconditions(said)
  if (words === undefined) return `the setup is not understood: ${said}`
  const auth = vector.auth === undefined ? undefined : serverAuth(vector.auth)
  if (vector.auth !== undefined && auth === undefined) {
    return `the auth is not understood: ${vector.auth}`
  }
  return {
    kind: kindOf(vector, words, auth),
    steps: typeof setup === 'object' ? setup : [],
    words,
    isStateless: isStateless(vector),
  }
}

function kindOf(
  vector: Vector,
  words: readonly Precondition[],
  auth: ServerAuth | undefined,
): StackKind {
  const said = words.find((word) => word.is === 'claude')
  return {
    ...(auth && { auth }),
    hasClaude: said ? said.installed : !lacksClaude(vector),
    isPubTaken: words.some(({ is }) => is === 'pub port taken'),
    isStrict: false,
  }
}

/** Held to the standard. HTTP is asked for it by each call, the Unix socket when the shim starts. */
export function strictPlan(plan: Plan, { transport }: Vector): Plan {
  return transport === 'unix' ? { ...plan, kind: { ...plan.kind, isStrict: true } } : plan
}

/** A case without words of its own may say in its note, or by what it expects, that there is no CLI. */
function lacksClaude({ expect, note }: Vector): boolean {
  if (/\b(?:no|without|lacks)\b[^.]*\bclaude\b/i.test(note)) return true
  return /Failed to spawn claude: No such file/.test(writeExact(expect))
}

/** Calls that make something. Without a setup nothing exists that another call could change. */
const CREATES = /agent\.spawn|"spawn"|spawn_request|workflow\.execute|chat\.create|chat\.start/

/** A server that has only served such cases is as good as a fresh one. */
function isStateless({ transport, setup, send, expect }: Vector): boolean {
  if (setup !== undefined) return false
  if (transport === 'pub') return isClientCase(send)
  return !CREATES.test(sentText(send)) || onlyErrors(expect)
}

/** About what a client makes of a message: no server takes part. */
export function isClientCase(send: Json): boolean {
  return isObject(send) && ('frame' in send || 'frames_multipart' in send)
}

/** A body that is text is read as it is, with its own quotes. */
function sentText(send: Json): string {
  const body = isObject(send) && isObject(send['http']) ? (send['http']['body'] ?? null) : send
  return typeof body === 'string' ? body : writeExact(body)
}

function onlyErrors({ match }: Vector['expect']): boolean {
  const answers = isArray(match) ? match : [match]
  return answers.every((answer) => isObject(answer) && answer['error'] !== undefined)
}

/** Stacks of the same key are alike. */
export function keyOf(kind: StackKind): string {
  return JSON.stringify([kind.auth ?? null, kind.hasClaude, kind.isPubTaken, kind.isStrict])
}
