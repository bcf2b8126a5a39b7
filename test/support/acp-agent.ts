/**
 * Agents of the Agent Client Protocol that misbehave: they open a session as they should, and then do
 * what the test says. Real processes, the real driver; only the program is another.
 */
import { createAcp } from '../../agent-host/backends/acp.ts'
import type { Backend } from '../../agent-host/backends/backend.ts'

/**
 * At hand for the code of a test: `say`, `text`, `end` (of the turn), `ask` (a permission, with the next
 * id of the agent's own, from 0 as the host counts) and `request`. `on` has its handlers by method; the
 * answers to requests of the agent come to `on.answer`.
 */
const AGENT = `
const sessionId = 's1'
let promptId
let ids = 0
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const update = (fields) => say({ method: 'session/update', params: { sessionId, update: fields } })
const text = (content) => update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: content } })
const end = (stopReason = 'end_turn') => say({ id: promptId, result: { stopReason } })
const request = (method, params) => say({ id: ids++, method, params: { sessionId, ...params } })
const ask = () => request('session/request_permission', {
  toolCall: { toolCallId: 'call' + ids, title: 'touch', rawInput: {} },
  options: [{ optionId: 'yes', kind: 'allow_once' }, { optionId: 'no', kind: 'reject_once' }] })
const on = {
  initialize: ({ id }) => say({ id, result: { protocolVersion: 1, agentCapabilities: {} } }),
  'session/new': ({ id }) => say({ id, result: { sessionId } }),
  answer: () => {},
}
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (message.method === 'session/prompt') promptId = message.id
  on[message.method ?? 'answer']?.(message)
})
`

/** Arguments of node for an agent that runs this JavaScript first; it sets the handlers of the rest. */
export function acpArguments(script: string): string[] {
  return ['-e', `${AGENT}\n${script}`]
}

export function acpAgent(script: string): Backend {
  const args = acpArguments(script)
  return createAcp({ name: 'odd', title: 'Odd', command: process.execPath, args, quirks: {} })
}
