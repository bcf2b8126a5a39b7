/**
 * Where the doors deliberately do not do what the old daemon did: each a defect of it, with what is
 * answered instead. A rule goes by what a case asks and expects, never by its name, because files of
 * cases are written by others; and what is answered instead is checked as well.
 */

import { inBothDialects, onChunks, trueChunks } from './chat-differences.ts'
import { isArray, isObject, type Json, type JsonObject, writeExact } from './exact-json.ts'
import { unpacked } from './senders/msgpack.ts'
import type { Vector } from './vector.ts'

export interface Difference {
  /** Number of the defect, or the section that asks for it. */
  readonly defect: string
  readonly title: string
  readonly reason: string
  /** What is expected instead; undefined when the case has nothing to do with it. */
  readonly instead: (expect: JsonObject, vector: Vector) => JsonObject | undefined
}

/** Method of a case that sends one call. */
function methodOf({ send }: Vector): string {
  const body = isObject(send) && isObject(send['http']) ? send['http']['body'] : send
  const method = isObject(body) ? body['method'] : undefined
  return typeof method === 'string' ? method : ''
}

function errorOf(expect: JsonObject): JsonObject | undefined {
  const { match } = expect
  const error = isObject(match) ? match['error'] : undefined
  return isObject(error) ? error : undefined
}

const CONTROLS = [
  'agent.pause',
  'agent.resume',
  'agent.attach.request',
  'agent.attach.validate',
  'agent.attach.revoke',
]

/** The message of the agent protocol that a case sends; undefined when it is none. */
function messageOf({ transport, send }: Vector): Json | undefined {
  if (transport !== 'zmq-req' || !isObject(send)) return undefined
  const { array, map, hex } = send
  if (typeof hex !== 'string') return array ?? map
  try {
    return array ?? map ?? unpacked(Buffer.from(hex, 'hex'))
  } catch {
    return undefined
  }
}

/** Its tag and request id, in array or map form. */
function envelopeOf(vector: Vector): { readonly tag: Json; readonly id: Json } | undefined {
  const message = messageOf(vector)
  if (isArray(message)) return { tag: message[0] ?? null, id: message[1] ?? null }
  if (!isObject(message)) return undefined
  return { tag: message['type'] ?? null, id: message['request_id'] ?? null }
}

function commandOf(vector: Vector): string | undefined {
  const message = messageOf(vector)
  const command = isArray(message) && message[0] === 'control_command' ? message[3] : undefined
  return typeof command === 'string' ? command : undefined
}

/** An agent as later versions describe it, with nine members. */
function hasLaterConfig(vector: Vector): boolean {
  const message = messageOf(vector)
  const config = isArray(message) && message[0] === 'spawn_request' ? message[2] : undefined
  return isArray(config) && config.length > 6
}

/** Whether a command succeeds, its status and its data, where they can be told beforehand. */
const COMMAND_ANSWERS: Readonly<Record<string, readonly [Json, Json, Json, Json]>> = {
  pause: [true, 'paused', { paused: true, mode: '<string>' }, null],
  // An agent that runs cannot be resumed, which is told in the words of the old runner.
  resume: ['<bool>', 'running', '<any>', '<any>'],
  write_stdin: [true, 'running', { bytes_written: '<int>' }, null],
}
const ANY_ANSWER = [true, '<any>', '<any>', null] as const

/** The response that a request of each tag waits for, with everything open but the id. */
const REFUSALS: Readonly<Record<string, (id: Json) => Json>> = {
  spawn_request: (id) => ['spawn_response', id, false, null, '<string>', '<any>'],
  control_command: (id) => ['command_response', id, '<uuid>', false, '<any>', '<any>', '<string>'],
  custom_action_request: (id) => [
    'command_response',
    id,
    '<uuid>',
    false,
    '<any>',
    '<any>',
    '<string>',
  ],
  output_query_request: (id) => [
    'output_query_response',
    id,
    '<uuid>',
    false,
    [],
    '<any>',
    '<bool>',
    '<string>',
  ],
  batch_control_command: (id) => ['batch_control_response', id, false, '<any>', '<int>', '<int>'],
  list_agents_request: (id) => ['list_agents_response', id, false, [], '<string>'],
}

/** Whatever was sent is no request, so its sender can only be told that something is wrong. */
const ANY_REFUSAL: Json = [
  'command_response',
  '<string>',
  '<uuid>',
  false,
  '<any>',
  '<any>',
  '<string>',
]

export const DIFFERENCES: readonly Difference[] = [
  {
    defect: 'D-5',
    title: 'pause, resume and attach are answered on HTTP',
    reason:
      'The old GUI sends them there and was told that there are no such methods. They answer as on the Unix socket.',
    instead: (expect, vector) => {
      const isRefused = vector.transport === 'http' && errorOf(expect)?.['code'] === -32601
      if (!isRefused || !CONTROLS.includes(methodOf(vector))) return undefined
      const { id } = expect['match'] as JsonObject
      const answer = writeExact(vector.send).includes('00000000-0000-4000-8000-000000000000')
        ? { code: -32002, message: 'Agent not found: 00000000-0000-4000-8000-000000000000' }
        : { code: '<int>', message: '<string>' }
      return { ...expect, match: { jsonrpc: '2.0', error: answer, id: id ?? null } }
    },
  },
  {
    defect: 'D-22',
    title: 'the filter in_progress finds tasks in progress',
    reason:
      'It is the documented spelling, and never matched. The old one, inprogress, does as well.',
    instead: (expect, vector) => {
      if (vector.transport !== 'unix' || !/"status":"in_progress"/i.test(writeExact(vector.send)))
        return undefined
      const match = expect['match']
      const result = isObject(match) ? match['result'] : undefined
      if (!isObject(match) || !isArray(result) || result.length > 0) return undefined
      const task = {
        id: '<uuid>',
        name: '<string>',
        status: 'InProgress',
        created_at: '<int>',
        updated_at: '<int>',
      }
      return { ...expect, match: { ...match, result: [task] } }
    },
  },
  {
    defect: 'D-47',
    title: 'a chat takes many prompts',
    reason: 'The old daemon took one; every further prompt was told that there is no such session.',
    instead: (expect, vector) => {
      const message = writeExact(errorOf(expect) ?? null)
      const isSecond = methodOf(vector) === 'chat.prompt' && isArray(vector.setup as Json)
      const isLost = /Session not found|channel closed/.test(message)
      if (!isSecond || !isLost || !promptedBefore(vector)) return undefined
      const { id } = expect['match'] as JsonObject
      return { ...expect, match: { jsonrpc: '2.0', result: { success: true }, id: id ?? null } }
    },
  },
  {
    defect: 'D-28',
    title: 'every control command does what it says',
    reason: 'Nine of twelve answered that they are not implemented yet.',
    instead: (expect, vector) => {
      const command = commandOf(vector)
      if (command === undefined || !/not yet implemented/.test(writeExact(expect))) return undefined
      const answer = COMMAND_ANSWERS[command] ?? ANY_ANSWER
      return { ...expect, match: { array: [...patternOf(expect).slice(0, 3), ...answer] } }
    },
  },
  {
    defect: 'D-30',
    title: 'kill answers',
    reason: 'It locked the whole old server up for ever.',
    instead: (expect, vector) => {
      if (commandOf(vector) !== 'kill' || expect['no_reply'] !== true) return undefined
      const message = messageOf(vector)
      const [, id, agent] = isArray(message) ? message : []
      const answer = [
        'command_response',
        id ?? null,
        agent ?? null,
        true,
        'terminated',
        '<any>',
        null,
      ]
      return { match: { array: answer } }
    },
  },
  {
    defect: 'D-29',
    title: 'every message gets a reply',
    reason:
      'A REQ socket that waits for a reply in vain cannot be used any more. What cannot be carried out is answered with success false and the reason.',
    instead: (expect, vector) => {
      if (vector.transport !== 'zmq-req' || expect['no_reply'] !== true) return undefined
      if (commandOf(vector) === 'kill') return undefined
      if (hasLaterConfig(vector)) return undefined
      const envelope = envelopeOf(vector)
      const tag = typeof envelope?.tag === 'string' ? envelope.tag : ''
      const refusal = Object.hasOwn(REFUSALS, tag) ? REFUSALS[tag] : undefined
      const answer = refusal && envelope ? refusal(envelope.id) : ANY_REFUSAL
      return { match: { array: answer } }
    },
  },
  {
    defect: '5.3',
    title: 'an agent may be described as later versions do',
    reason: 'Later clients send nine members where six were known; the old server fell silent.',
    instead: (expect, vector) => {
      if (expect['no_reply'] !== true || !hasLaterConfig(vector)) return undefined
      const id = envelopeOf(vector)?.id ?? null
      return { match: { array: ['spawn_response', id, true, '<any>', null, '<string>'] } }
    },
  },
  {
    defect: 'D-50',
    title: 'exit codes, turn numbers, tool results and error texts are true',
    reason:
      'The exit code and the turn number were always 0, tool results and the text of an error were lost. A turn ends once, when its prompt is answered, and pieces of one answer may come together.',
    instead: (expect, vector) => onChunks(expect, vector, trueChunks),
  },
  {
    defect: '3.2',
    title: 'chunks have the members of both dialects',
    reason:
      'Readers after the research note want `session_id` in `complete` and `content` in `tool_use_input`; the others ignore what they do not know.',
    instead: (expect, vector) => onChunks(expect, vector, (chunks) => chunks.map(inBothDialects)),
  },
  {
    defect: 'D-49',
    title: 'chunks carry a sequence number',
    reason: 'A chunk may be repeated after a restart; readers had no way to see that.',
    instead: (expect, vector) =>
      onChunks(expect, vector, (chunks) => chunks.map((chunk) => ({ ...chunk, seq: '<int>' }))),
  },
]

function promptedBefore({ setup }: Vector): boolean {
  return (
    typeof setup === 'object' &&
    /"chat\.(prompt|start)"/.test(writeExact(setup.map(({ send }) => send)))
  )
}

/** The reply in array form that a case expects. */
function patternOf({ match }: JsonObject): readonly Json[] {
  const array = isObject(match) ? match['array'] : undefined
  return isArray(array) ? array : []
}
