/**
 * An agent on the official SDK of the Agent Client Protocol: what a client says to it is checked against
 * the schemas of the protocol, and every request that fails them is answered with an error. It asks
 * before its one tool, thinks, can be cancelled, resumed and switched between modes.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import {
  type AgentContext,
  agent,
  methods,
  ndJsonStream,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
} from '@agentclientprotocol/sdk'

const MODES = {
  availableModes: [
    { id: 'ask', name: 'Ask' },
    { id: 'auto', name: 'Auto' },
  ],
}

/** What the sessions of earlier lives were told, by id. */
const memoryOf = (id: string): string =>
  join(process.env['ORACLE_MEMORY'] ?? tmpdir(), `${id}.json`)
const recall = (id: string): string[] =>
  existsSync(memoryOf(id)) ? (JSON.parse(readFileSync(memoryOf(id), 'utf8')) as string[]) : []

let mode = 'ask'
let cancel: () => void = () => {}

type Update = 'agent_message_chunk' | 'agent_thought_chunk'
async function say(
  client: AgentContext,
  sessionId: string,
  text: string,
  kind: Update,
): Promise<void> {
  const update = { sessionUpdate: kind, content: { type: 'text', text } } as const
  await client.notify(methods.client.session.update, { sessionId, update })
}

async function useTool(client: AgentContext, sessionId: string): Promise<string> {
  const call = { toolCallId: 'call-1', title: 'Touch a file', rawInput: { file: 'touched' } }
  const update = { sessionUpdate: 'tool_call', ...call, kind: 'edit', status: 'pending' } as const
  await client.notify(methods.client.session.update, { sessionId, update })
  const outcome = mode === 'auto' ? 'allow' : await permission(client, sessionId, call)
  const status = outcome === 'allow' ? 'completed' : 'failed'
  const text = `the answer was ${outcome}`
  const content = [{ type: 'content', content: { type: 'text', text } }] as const
  const end = { sessionUpdate: 'tool_call_update', toolCallId: 'call-1', status } as const
  const result = { ...end, content: [...content] }
  await client.notify(methods.client.session.update, { sessionId, update: result })
  return outcome
}

async function permission(
  client: AgentContext,
  sessionId: string,
  toolCall: { readonly toolCallId: string },
): Promise<string> {
  const question: RequestPermissionRequest = {
    sessionId,
    toolCall,
    options: [
      { optionId: 'allow', name: 'Allow', kind: 'allow_once' },
      { optionId: 'reject', name: 'Reject', kind: 'reject_once' },
    ],
  }
  const method = methods.client.session.requestPermission
  const { outcome } = await client.request<RequestPermissionResponse>(method, question)
  return outcome.outcome === 'selected' ? outcome.optionId : outcome.outcome
}

async function answer(
  client: AgentContext,
  sessionId: string,
  text: string,
): Promise<'cancelled' | 'end_turn'> {
  const told = recall(sessionId)
  writeFileSync(memoryOf(sessionId), JSON.stringify([...told, text]))
  await say(client, sessionId, 'hm', 'agent_thought_chunk')
  if (text === 'wait') {
    await new Promise<void>((resolve) => (cancel = resolve))
    return 'cancelled'
  }
  if (text === 'tool') await useTool(client, sessionId)
  await say(client, sessionId, `${told.length} before: ${text}`, 'agent_message_chunk')
  return 'end_turn'
}

agent({ name: 'oracle' })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: 1,
    agentCapabilities: { loadSession: true },
    agentInfo: { name: 'oracle', version: '1.0.0' },
  }))
  .onRequest(methods.agent.session.new, () => ({
    sessionId: crypto.randomUUID(),
    modes: { ...MODES, currentModeId: mode },
  }))
  .onRequest(methods.agent.session.load, async ({ params, client }) => {
    for (const text of recall(params.sessionId)) {
      await say(client, params.sessionId, text, 'agent_message_chunk')
    }
    return { modes: { ...MODES, currentModeId: mode } }
  })
  .onRequest(methods.agent.session.setMode, ({ params }) => {
    mode = params.modeId
    return {}
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const [block] = params.prompt
    const text = block?.type === 'text' ? block.text : ''
    return { stopReason: await answer(client, params.sessionId, text) }
  })
  .onNotification(methods.agent.session.cancel, () => cancel())
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout),
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  )
