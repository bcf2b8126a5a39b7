/** One case of a vector file, read and checked. */
import {
  isArray,
  isObject,
  type Json,
  type JsonObject,
  parseExact,
  writeExact,
} from './exact-json.ts'

export const TRANSPORTS = ['http', 'unix', 'ws', 'pub', 'zmq-req'] as const
export type Transport = (typeof TRANSPORTS)[number]

export interface SetupStep {
  /** Default: that of the case, or http where the transport of the case carries no calls. */
  readonly transport?: Transport
  readonly send: Json
  /** Names, and where in the reply their values are. */
  readonly save: Readonly<Record<string, string>>
}

export interface Vector {
  readonly id: string
  readonly transport: Transport
  readonly auth?: string
  /** Steps, or what must be so in words. */
  readonly setup?: string | readonly SetupStep[]
  readonly send: Json
  readonly expect: JsonObject
  /** What the standard asks for, where the old daemon departs from it. */
  readonly expectStandard?: JsonObject
  readonly note: string
}

/** Throws an Error that names the line. */
export function parseVectors(text: string): Vector[] {
  const ids = new Set<string>()
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      const vector = vectorOf(parseExact(line))
      if (ids.has(vector.id)) throw new Error(`there is a case ${vector.id} before it`)
      ids.add(vector.id)
      return [vector]
    } catch (error) {
      throw new Error(`line ${index + 1}: ${(error as Error).message}`, { cause: error })
    }
  })
}

/** Everything that the cases send, and their setups. */
export function sentBy(vectors: readonly Vector[]): readonly Json[] {
  return vectors.flatMap(({ send, setup = [] }) => [
    send,
    ...(typeof setup === 'string' ? [setup] : setup.map((step) => step.send)),
  ])
}

function vectorOf(json: Json): Vector {
  if (!isObject(json)) throw new Error('a case is an object')
  const { id, auth, setup, send, expect, note } = json
  if (typeof id !== 'string') throw new Error('a case needs an id')
  if (send === undefined) throw new Error(`${id} sends nothing`)
  if (!isObject(expect)) throw new Error(`${id} expects nothing`)
  const standard = json['expect_standard']
  return {
    id,
    transport: transportOf(json['transport']),
    send,
    expect,
    note: typeof note === 'string' ? note : '',
    ...(auth !== undefined && auth !== null && { auth: authOf(auth) }),
    ...(setup !== undefined && setup !== null && { setup: setupOf(setup) }),
    ...(isObject(standard) && { expectStandard: standard }),
  }
}

function transportOf(value: Json | undefined): Transport {
  const transport = TRANSPORTS.find((name) => name === value)
  if (transport === undefined) {
    const known = TRANSPORTS.join(', ')
    throw new Error(`transport is ${JSON.stringify(value ?? null)}; known: ${known}`)
  }
  return transport
}

/** Words, or what they say as JSON. */
function authOf(auth: Json): string {
  return typeof auth === 'string' ? auth : writeExact(auth)
}

function setupOf(setup: Json): string | SetupStep[] {
  if (typeof setup === 'string') return setup
  if (!isArray(setup)) throw new Error('a setup is a text or an array of steps')
  return setup.map((step) => {
    if (!isObject(step) || step['send'] === undefined) throw new Error('a step of a setup sends')
    const { transport, send } = step
    return {
      send: send ?? null,
      save: pathsOf(step['save']),
      ...(transport !== undefined && { transport: transportOf(transport) }),
    }
  })
}

function pathsOf(save: Json | undefined): Record<string, string> {
  const paths = isObject(save) ? Object.entries(save) : []
  return Object.fromEntries(
    paths.map(([name, path]) => {
      if (typeof path !== 'string') throw new Error(`the path of ${name} is a text`)
      return [name, path]
    }),
  )
}
