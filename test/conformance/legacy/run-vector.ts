/** Runs one case against a target and says what became of it. */
import { DIFFERENCES } from './differences.ts'
import type { Json, JsonObject } from './exact-json.ts'
import { exchange } from './exchange.ts'
import { type Answer, answerJson, mismatches, withWholeTexts } from './expectation.ts'
import type { Mismatch } from './pattern.ts'
import type { Plan } from './plan.ts'
import { prepare, withAliases } from './prepare.ts'
import type { Target } from './stack.ts'
import { tokenOf } from './tokens.ts'
import { atPath, fill, namesIn, type Values } from './values.ts'
import type { SetupStep, Transport, Vector } from './vector.ts'

/** What became of a case. */
export type Outcome =
  | { readonly is: 'passed' }
  | { readonly is: 'difference'; readonly defects: readonly string[] }
  | {
      readonly is: 'failed'
      readonly mismatches: readonly Mismatch[]
      /** What is expected instead of what the file says, when a deliberate difference applies. */
      readonly instead?: readonly Mismatch[]
    }
  /** It could not be carried out to its end. */
  | { readonly is: 'broken'; readonly reason: string }
  | { readonly is: 'not run'; readonly reason: string }

/** `isStrict`: hold it to the standard instead of to what the old daemon did. */
export async function runVector(
  target: Target,
  vector: Vector,
  plan: Plan,
  isStrict = false,
): Promise<Outcome> {
  try {
    return await run(target, vector, plan, isStrict)
  } catch (error) {
    return { is: 'broken', reason: (error as Error).message }
  }
}

async function run(
  target: Target,
  vector: Vector,
  plan: Plan,
  isStrict: boolean,
): Promise<Outcome> {
  const values = new Map<string, Json>()
  addTokens(vector, target, values)
  for (const step of plan.steps) await runStep(target, vector, step, values)
  const { aliases, happen } = await prepare(target, plan.words, values)
  addUsualNames(vector, values)
  const expected = isStrict ? (vector.expectStandard ?? {}) : vector.expect
  const expect = withAliases(fill(expected, values), aliases) as JsonObject
  const send = withAliases(fill(vector.send, values), aliases)
  const { transport } = vector
  const { words } = plan
  const answer = await exchange(target, { transport, send, expect, words, happen, isStrict })
  return judge({ ...vector, send }, expect, answer, isStrict)
}

function judge(vector: Vector, expect: JsonObject, answer: Answer, isStrict: boolean): Outcome {
  const found = mismatches(expect, answer)
  if (found.length === 0) return { is: 'passed' }
  if (isStrict) return { is: 'failed', mismatches: found }
  let instead: readonly Mismatch[] | undefined
  for (const { defects, expect: other } of alternatives(vector, expect)) {
    instead = mismatches(other, withWholeTexts(answer))
    if (instead.length === 0) return { is: 'difference', defects }
  }
  return { is: 'failed', mismatches: found, ...(instead && { instead }) }
}

interface Alternative {
  readonly defects: readonly string[]
  readonly expect: JsonObject
}

/** Every combination of the differences that apply, those with few of them first. */
function alternatives(vector: Vector, expect: JsonObject): readonly Alternative[] {
  let found: Alternative[] = [{ defects: [], expect }]
  for (const { defect, instead } of DIFFERENCES) {
    const more = found.flatMap((one) => {
      const other = instead(one.expect, vector)
      return other === undefined ? [] : [{ defects: [...one.defects, defect], expect: other }]
    })
    found = [...found, ...more]
  }
  return found.slice(1).sort((a, b) => a.defects.length - b.defects.length)
}

async function runStep(
  target: Target,
  vector: Vector,
  step: SetupStep,
  values: Map<string, Json>,
): Promise<void> {
  const transport = step.transport ?? setupTransport(vector.transport, step)
  const answer = await exchange(target, {
    transport,
    send: fill(step.send, values),
    expect: {},
    words: [],
    happen: async () => undefined,
    isStrict: false,
  })
  const json = answerJson(answer)
  for (const [name, path] of Object.entries(step.save)) {
    const value = json === undefined ? undefined : atPath(json, path.replace(/^array\./, ''))
    if (value === undefined) {
      throw new Error(`the setup has no ${path} in ${JSON.stringify(json ?? answer.body)}`)
    }
    values.set(name, value)
  }
}

/** Calls before a case of a transport that carries none go to HTTP. */
function setupTransport(transport: Transport, { send }: SetupStep): Transport {
  const isCall = typeof send === 'object' && send !== null && 'jsonrpc' in send
  return isCall && transport !== 'unix' ? 'http' : transport
}

function addTokens(vector: Vector, { auth }: Target, values: Map<string, Json>): void {
  if (auth === undefined) return
  for (const name of namesIn([vector.send, vector.expect])) {
    const token = tokenOf(name, auth.secret, Date.now(), vector.auth)
    if (token !== undefined) values.set(name, token)
  }
}

/** Cases of what a client makes of a message name any chat. */
function addUsualNames(vector: Vector, values: Map<string, Json>): void {
  if (vector.transport === 'pub' && !values.has('SID')) {
    values.set('SID', '00000000-0000-4000-8000-000000000001')
  }
  const missing = missingNames(vector, values)
  if (missing.length > 0) throw new Error(`nothing says what ${missing.join(', ')} should be`)
}

function missingNames({ send, expect }: Vector, values: Values): string[] {
  return [...namesIn([send, expect])].filter((name) => !values.has(name))
}
