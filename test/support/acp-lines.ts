/** A driver of the Agent Client Protocol with its two ends open, and the lines that an agent would say. */

import { type AcpAgent, OPENCODE } from '../../agent-host/backends/acp-agents.ts'
import { AcpDriver } from '../../agent-host/backends/acp-driver.ts'
import type { BackendEvent, StartOptions } from '../../agent-host/backends/backend.ts'
import { OPTIONS } from './claude-lines.ts'
import { NO_CHILD } from './driver-port.ts'

export const SESSION = 'agents-own-id'

interface Message {
  readonly id?: string | number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: unknown
  readonly error?: unknown
}

/** What an agent offers that has everything. */
export const CAPABLE = {
  protocolVersion: 1,
  agentCapabilities: { loadSession: true, sessionCapabilities: { resume: {} } },
}

export function setUpAcp(agent: AcpAgent = OPENCODE, start: Partial<StartOptions> = {}) {
  const events: BackendEvent[] = []
  const written: Message[] = []
  let ids = 0
  const driver = new AcpDriver(
    agent,
    { ...OPTIONS, ...start },
    {
      ...NO_CHILD,
      writeLine: (line) => written.push(JSON.parse(line)),
      emit: (event) => events.push(event),
      newId: () => `question-${++ids}`,
    },
  )
  const says = (...messages: Message[]): void => {
    for (const message of messages) driver.line(JSON.stringify({ jsonrpc: '2.0', ...message }))
  }
  /** Answers the newest request. */
  const replies = (result: unknown): void => says({ id: written.at(-1)?.id ?? -1, result })
  const refuses = (code: number, message: string, data?: unknown): void =>
    says({ id: written.at(-1)?.id ?? -1, error: { code, message, data } })
  const updates = (...all: object[]): void => says(...all.map(update))
  /** An open session with a turn that runs. */
  const prompted = (): void => {
    driver.started()
    replies(CAPABLE)
    replies({ sessionId: SESSION })
    driver.prompt('go')
    events.length = 0
  }
  const ofType = (type: BackendEvent['type']) => events.filter((event) => event.type === type)
  return { driver, events, written, says, replies, refuses, updates, prompted, ofType }
}

export function update(fields: object): Message {
  return { method: 'session/update', params: { sessionId: SESSION, update: fields } }
}

export const chunk = (text: string, kind = 'agent_message_chunk') => ({
  sessionUpdate: kind,
  content: { type: 'text', text },
})
export const toolCall = (toolCallId: string, more: object = {}) => ({
  sessionUpdate: 'tool_call',
  toolCallId,
  title: 'bash',
  status: 'pending',
  ...more,
})
export const toolUpdate = (toolCallId: string, status: string, more: object = {}) => ({
  sessionUpdate: 'tool_call_update',
  toolCallId,
  status,
  ...more,
})

const OPTIONS_OFFERED = [
  { optionId: 'once', kind: 'allow_once' },
  { optionId: 'always', kind: 'allow_always' },
  { optionId: 'no', kind: 'reject_once' },
]

/** A question whether a tool may run; its id counts from 0, as that of any request of ours. */
export function permission(id: number, toolCallId: string, options: object[] = OPTIONS_OFFERED) {
  const toolCall = { toolCallId, title: 'touch it', rawInput: { command: 'touch it' } }
  const params = { sessionId: SESSION, toolCall, options }
  return { id, method: 'session/request_permission', params }
}
