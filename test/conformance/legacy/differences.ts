/**
 * Where the doors deliberately do not do what the old daemon did: each a defect of it, with what is
 * answered instead. A rule goes by what a case asks and expects, never by its name, because files of
 * cases are written by others; and what is answered instead is checked as well.
 */

import { type AgentMessage, agentIn, agentMessage } from './agent-message.ts'
import { inBothDialects, onChunks, trueChunks } from './chat-differences.ts'
import { askedOf, commandAnswer } from './command-differences.ts'
import { CONTROLS, controlAnswer } from './control-differences.ts'
import { isArray, isObject, type Json, type JsonObject, writeExact } from './exact-json.ts'
import { replyInstead } from './silence-differences.ts'
import type { Vector } from './vector.ts'

export interface Difference {
  /** Number of the defect, or the section that asks for it. */
  readonly defect: string
  readonly title: string
  readonly reason: string
  /** What is expected instead; undefined when the case has nothing to do with it. */
  readonly instead: (expect: JsonObject, vector: Vector) => JsonObject | undefined
}

/** The one call that a case sends; empty when it sends another thing. */
function callOf({ send }: Vector): JsonObject {
  const body = isObject(send) && isObject(send['http']) ? send['http']['body'] : send
  return isObject(body) ? body : {}
}

function methodOf(vector: Vector): string {
  const { method } = callOf(vector)
  return typeof method === 'string' ? method : ''
}

function paramsOf(vector: Vector): Json {
  return callOf(vector)['params'] ?? null
}

function errorOf(expect: JsonObject): JsonObject | undefined {
  const { match } = expect
  const error = isObject(match) ? match['error'] : undefined
  return isObject(error) ? error : undefined
}

/** An agent as later versions describe it, with more members than six. */
function hasLaterConfig(vector: Vector): boolean {
  const message = agentMessage(vector)
  const config = message?.tag === 'spawn_request' ? message.member('config', 0) : undefined
  return isArray(config) && config.length > 6 && config.length <= 9
}

/** `write_stdin` as the old server wrote it in its texts. */
function pascal(command: string): string {
  return command.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The command whose refusal a case expects. */
function unimplemented(expect: JsonObject, vector: Vector): string | undefined {
  const message = agentMessage(vector)
  const command = message?.tag === 'control_command' ? message.member('command_type', 1) : undefined
  if (typeof command !== 'string') return undefined
  const text = patternOf(expect)[6]
  const said = `^Agent execution error: ${pascal(command)} command not yet implemented(?: - .*)?$`
  return typeof text === 'string' && new RegExp(said).test(text) ? command : undefined
}

export const DIFFERENCES: readonly Difference[] = [
  {
    defect: 'D-5',
    title: 'pause, resume and attach are answered on HTTP',
    reason:
      'The old GUI sends them there and was told that there are no such methods. They answer as on the Unix socket.',
    instead: (expect, vector) => {
      const isRefused = vector.transport === 'http' && errorOf(expect)?.['code'] === -32601
      if (!isRefused || !CONTROLS.includes(methodOf(vector))) return undefined
      const { id = null } = expect['match'] as JsonObject
      const answer = controlAnswer(methodOf(vector), paramsOf(vector), vector)
      return { ...expect, match: { jsonrpc: '2.0', ...answer, id } }
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
      const command = unimplemented(expect, vector)
      const message = agentMessage(vector)
      if (command === undefined || message === undefined) return undefined
      const pattern = patternOf(expect)
      const asked = askedOf(message, vector, pattern[4] ?? null)
      const answer = commandAnswer(command, asked)
      return answer && { ...expect, match: { array: [...pattern.slice(0, 3), ...answer] } }
    },
  },
  {
    defect: 'D-30',
    title: 'kill answers',
    reason: 'It locked the whole old server up for ever.',
    instead: (expect, vector) => {
      const message = agentMessage(vector)
      if (message === undefined || !isKill(message) || expect['no_reply'] !== true) return undefined
      const answer = [true, 'terminated', null, null]
      return { match: { array: ['command_response', message.id, agentIn(message), ...answer] } }
    },
  },
  {
    defect: 'D-29',
    title: 'every message gets a reply',
    reason:
      'A REQ socket that waits for a reply in vain cannot be used any more. Actions, batches and queries of output are carried out; what cannot be is answered with success false and the reason.',
    instead: (expect, vector) => {
      if (vector.transport !== 'zmq-req' || expect['no_reply'] !== true) return undefined
      const message = agentMessage(vector)
      if (message && (isKill(message) || hasLaterConfig(vector))) return undefined
      return { match: { array: replyInstead(message, vector) } }
    },
  },
  {
    defect: '5.3',
    title: 'an agent may be described as later versions do',
    reason: 'Later clients send nine members where six were known; the old server fell silent.',
    instead: (expect, vector) => {
      if (expect['no_reply'] !== true || !hasLaterConfig(vector)) return undefined
      const message = agentMessage(vector)
      const config = message?.member('config', 0)
      const [name = null, backend = null, task = null] = isArray(config) ? config : []
      const agent = ['<uuid>', name, 'running', backend, ['<int>', '<int>'], task, null, null, null]
      const answer = ['spawn_response', message?.id ?? '', true, agent, null, '<string>']
      return { match: { array: answer } }
    },
  },
  {
    defect: 'D-50',
    title: 'exit codes, turn numbers, tool results and error texts are true',
    reason:
      'The exit code and the turn number were always 0, tool results, the text of an error and an answer that only the result has were lost. A turn ends once, when its prompt is answered, and a limit of turns that is reached is no error; what comes in pieces and then whole comes once, and pieces may come together.',
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

function isKill(message: AgentMessage): boolean {
  return message.tag === 'control_command' && message.member('command_type', 1) === 'kill'
}

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
