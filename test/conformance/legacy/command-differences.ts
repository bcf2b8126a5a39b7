/** What control commands answer here, to the member, where the old server said that it could not do them. */
import { type AgentMessage, agentIn, agentText } from './agent-message.ts'
import { isArray, isObject, type Json, type JsonObject, writeExact } from './exact-json.ts'
import type { Vector } from './vector.ts'

/** Success, status, data and error of a reply. */
export type CommandAnswer = readonly [Json, Json, Json, Json]

export interface Asked {
  readonly message: AgentMessage
  readonly payload: JsonObject
  /** What the agent is when the command comes. */
  readonly status: Json
  /** Whether something was written to the agent before, which `cat` repeats. */
  readonly hasWritten: boolean
}

const done = (data: Json, status: Json = 'running'): CommandAnswer => [true, status, data, null]
const failed = (reason: string, status: Json = 'running'): CommandAnswer => [
  false,
  status,
  null,
  `Agent execution error: ${reason}`,
]

const COMMANDS: Readonly<Record<string, (asked: Asked) => CommandAnswer>> = {
  pause: ({ payload, status }) => {
    if (status === 'paused') return failed('Agent is already paused', status)
    return done(
      { paused: true, mode: payload['force'] === true ? 'forced' : 'cooperative' },
      'paused',
    )
  },
  resume: ({ status }) =>
    status === 'paused'
      ? done({ resumed: true })
      : failed(
          `Agent is not paused, current status: ${typeof status === 'string' ? status : '<string>'}`,
          status,
        ),
  write_stdin: ({ payload, status }) => {
    const bytes = bytesOf(payload)
    return bytes === undefined
      ? failed('write_stdin<string>', status)
      : done({ bytes_written: bytes }, status)
  },
  read_stdout: (asked) => lineOf('stdout', asked),
  read_stderr: (asked) => lineOf('stderr', asked),
  signal: ({ payload, status }) => signalled(payload['signal'], status),
  custom_action: ({ payload, message, status }) => {
    const { action, params } = payload
    if (typeof action !== 'string') {
      return failed('custom_action needs {"action": name}', status)
    }
    return actionAnswer(action, params ?? null, { message, status })
  },
  query_output: ({ status, hasWritten }) => {
    const lines = hasWritten ? '<any>' : []
    const count = hasWritten ? '<int>' : 0
    return done({ stdout: lines, stderr: lines, stdout_lines: count, stderr_lines: count }, status)
  },
  stream_logs: ({ message, status }) => {
    const topic = agentText(agentIn(message))
    return done({ pub_endpoint: null, topic, enabled: false, instructions: '<string>' }, status)
  },
}

/** Undefined for a command that the old server knew as well. */
export function commandAnswer(command: string, asked: Asked): CommandAnswer | undefined {
  return Object.hasOwn(COMMANDS, command) ? COMMANDS[command]?.(asked) : undefined
}

/** Actions ask the daemon, not the process. */
export function actionAnswer(
  action: string,
  params: Json,
  { message, status }: Pick<Asked, 'message' | 'status'>,
): CommandAnswer {
  const agent_id = agentText(agentIn(message))
  switch (action) {
    case 'echo':
      return done({ action, result: params }, status)
    case 'ping':
      return done({ action, result: 'pong', agent_id }, status)
    case 'get_env': {
      const result = { agent_id, name: '<string>', status, last_status_update_secs: '<int>' }
      return done({ action, result }, status)
    }
    default:
      return failed(
        'Unknown custom action: <string>. Available actions: echo, ping, get_env',
        status,
      )
  }
}

function lineOf(stream: string, { status, hasWritten }: Asked): CommandAnswer {
  if (hasWritten && stream === 'stdout') return done('<any>', status)
  const message = `No ${stream} output available`
  return done({ data: null, text: null, bytes: 0, message }, status)
}

/** Names of the later server, and the status that each leaves a running agent in. */
const SIGNALS: readonly (readonly [RegExp, Json])[] = [
  [/^(?:sig)?kill$/i, 'terminated'],
  [/^(?:(?:sig)?stop|pause|force_pause)$/i, 'paused'],
  [/^(?:(?:sig)?cont|continue|resume)$/i, 'running'],
  // Whether the process is gone when the reply is made is a matter of moments.
  [/^(?:interrupt|terminate|(?:sig)?(?:int|term|hup|quit|usr[12]))$/i, '<string>'],
]

function signalled(name: Json | undefined, status: Json): CommandAnswer {
  if (typeof name !== 'string') return failed('signal needs {"signal": name}', status)
  const known = SIGNALS.find(([pattern]) => pattern.test(name))
  if (known === undefined) return failed('Unknown signal: <string>; known: <string>', status)
  return done({ signal_sent: name }, known[1])
}

/** How many bytes a payload writes; undefined when it says nothing that can be written. */
function bytesOf({ data, encoding }: JsonObject): number | undefined {
  if (isArray(data)) return data.length
  if (typeof data !== 'string') return undefined
  const raw = Buffer.from(data, 'base64')
  const isBase64 = raw.toString('base64') === data && !raw.toString('utf8').includes('\ufffd')
  if (encoding === undefined || encoding === null) {
    return isBase64 ? raw.length : Buffer.byteLength(data)
  }
  if (encoding === 'base64') return isBase64 ? raw.length : undefined
  return ['utf8', 'utf-8', 'text'].some((name) => name === encoding)
    ? Buffer.byteLength(data)
    : undefined
}

/** What a case asks of an agent, and how that agent is. */
export function askedOf(message: AgentMessage, vector: Vector, status: Json): Asked {
  const payload = message.member('payload', 2)
  return {
    message,
    payload: isObject(payload) ? payload : {},
    status,
    hasWritten: /write_stdin/.test(writeExact((vector.setup ?? null) as Json)),
  }
}
