/** The messages of the agent protocol. Reading, writing and the reference all come from these lists. */
import { defaulted, field, struct, type Values } from './struct.ts'
import { flag, json, list, optional, strings, text, time, uint, uuid, word } from './wire-types.ts'

export const PROTOCOL_VERSION = '1.0.0'

export const AGENT_STATUSES = [
  'idle',
  'initializing',
  'running',
  'thinking',
  'paused',
  'completed',
  'failed',
  'terminated',
] as const
export type AgentStatus = (typeof AGENT_STATUSES)[number]

export const COMMANDS = [
  'pause',
  'resume',
  'stop',
  'kill',
  'write_stdin',
  'read_stdout',
  'read_stderr',
  'get_status',
  'signal',
  'custom_action',
  'query_output',
  'stream_logs',
] as const
export type Command = (typeof COMMANDS)[number]

const UPDATES = [
  'status_changed',
  'output_available',
  'error',
  'completed',
  'terminated',
  'heartbeat',
] as const

const status = word(AGENT_STATUSES)
const requestId = field('request_id', text)
const success = field('success', flag)
const agentId = field('agent_id', uuid)
const error = defaulted('error', optional(text), null)
const payload = defaulted('payload', optional(json), null)

/** Six elements at first, nine since: the last three may be left out. */
export const AgentConfig = struct('AgentConfig', [
  field('name', text),
  field('model_backend', text),
  field('task', text),
  field('context', optional(text)),
  field('system_prompt', optional(text)),
  field('environment', strings),
  defaulted('model', optional(text), null),
  defaulted('tool_level', optional(text), null),
  defaulted('agents', optional(json), null),
])
export type AgentConfig = ReturnType<typeof AgentConfig.read>

const AttachInfo = struct('AttachInfo', [
  field('connect_url', text),
  field('token', text),
  field('expires_at', uint),
])

export const AgentInfo = struct('AgentInfo', [
  field('id', uuid),
  field('name', text),
  field('status', status),
  field('model_backend', text),
  field('started_at', time),
  field('task', text),
  defaulted('paused_at', optional(time), null),
  defaulted('pause_mode', optional(word(['cooperative', 'forced'])), null),
  defaulted('attach_info', optional(AttachInfo), null),
])
export type AgentInfo = ReturnType<typeof AgentInfo.read>

export const BatchResult = struct('BatchAgentResult', [
  agentId,
  success,
  defaulted('status', optional(status), null),
  error,
])
export type BatchResult = ReturnType<typeof BatchResult.read>

/** Tag to the fields that follow it. */
export const LAYOUTS = {
  spawn_request: [
    requestId,
    field('config', AgentConfig),
    defaulted('timeout_secs', optional(uint), null),
    defaulted('metadata', optional(strings), null),
  ],
  spawn_response: [
    requestId,
    success,
    defaulted('agent_info', optional(AgentInfo), null),
    error,
    defaulted('server_id', optional(text), null),
  ],
  control_command: [requestId, agentId, field('command_type', word(COMMANDS)), payload],
  command_response: [
    requestId,
    agentId,
    success,
    defaulted('status', optional(status), null),
    defaulted('data', optional(json), null),
    error,
  ],
  status_update: [
    agentId,
    field('update_type', word(UPDATES)),
    defaulted('status', optional(status), null),
    defaulted('message', optional(text), null),
    defaulted('data', optional(json), null),
    field('timestamp', time),
  ],
  list_agents_request: [
    requestId,
    defaulted('filter_status', optional(status), null),
    defaulted('limit', optional(uint), null),
  ],
  list_agents_response: [requestId, success, defaulted('agents', list(AgentInfo), []), error],
  health_check_request: [requestId],
  health_check_response: [
    requestId,
    field('healthy', flag),
    field('protocol_version', text),
    defaulted('uptime_secs', optional(uint), null),
    defaulted('active_agents', optional(uint), null),
    defaulted('metadata', optional(strings), null),
  ],
  custom_action_request: [
    requestId,
    agentId,
    field('action', text),
    defaulted('params', optional(json), null),
    defaulted('timeout_secs', optional(uint), null),
  ],
  batch_control_command: [
    requestId,
    field('agent_ids', list(uuid)),
    field('command_type', word(COMMANDS)),
    payload,
    defaulted('fail_fast', flag, false),
  ],
  batch_control_response: [
    requestId,
    success,
    field('results', list(BatchResult)),
    field('successful', uint),
    field('failed', uint),
  ],
  output_query_request: [
    requestId,
    agentId,
    field('stream', word(['stdout', 'stderr', 'both'])),
    defaulted('filter', optional(text), null),
    defaulted('limit', optional(uint), null),
    defaulted('offset', optional(uint), null),
  ],
  output_query_response: [
    requestId,
    agentId,
    success,
    defaulted('lines', list(text), []),
    defaulted('total_lines', optional(uint), null),
    defaulted('has_more', flag, false),
    error,
  ],
} as const

export type Tag = keyof typeof LAYOUTS
export type MessageOf<T extends Tag> = { readonly type: T } & Values<(typeof LAYOUTS)[T]>
export type Message = { [T in Tag]: MessageOf<T> }[Tag]

/** What a client may ask. */
export const REQUEST_TAGS = [
  'spawn_request',
  'control_command',
  'list_agents_request',
  'health_check_request',
  'custom_action_request',
  'batch_control_command',
  'output_query_request',
] as const satisfies readonly Tag[]
export type RequestTag = (typeof REQUEST_TAGS)[number]
export type Request = { [T in RequestTag]: MessageOf<T> }[RequestTag]

export function isTag(tag: string): tag is Tag {
  return Object.hasOwn(LAYOUTS, tag)
}

export function isRequest(message: Message): message is Request {
  return REQUEST_TAGS.some((tag) => tag === message.type)
}
