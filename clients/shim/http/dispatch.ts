/** Which method does what on HTTP. */

import type { AttachDesk } from '../attach/desk.ts'
import { agentInfo, killAgent, listAgents, requireAgent } from '../legacy/agents.ts'
import { chatStart, chatTarget, orBadParams } from '../legacy/chat-params.ts'
import { ChatService } from '../legacy/chat-service.ts'
import { ControlService } from '../legacy/control.ts'
import { type AnyStruct, type Decoded, decode } from '../legacy/fields.ts'
import type { JsonValue } from '../legacy/json/value.ts'
import { LogReader } from '../legacy/logs.ts'
import { type HttpMethod, PARAMS } from '../legacy/methods.ts'
import type { LegacyPorts } from '../legacy/ports.ts'
import { badParams, RpcError } from '../legacy/rpc-error.ts'
import { spawn } from '../legacy/spawn.ts'
import { queryState } from '../legacy/state.ts'
import { SystemService } from '../legacy/system.ts'
import { executeWorkflow } from '../legacy/workflows.ts'
import type { Dispatch } from './rpc.ts'

type Handler = (params: JsonValue, isStrict: boolean) => Promise<unknown>

/** A method whose parameters are a record. */
function of<S extends AnyStruct>(
  record: S,
  run: (params: Decoded<S>) => Promise<unknown>,
): Handler {
  return async (params, isStrict) => {
    if (params === null && !isStrict) throw badParams('Missing params')
    const given = params ?? new Map<string, JsonValue>()
    return run(orBadParams(() => decode(record, given, isStrict)))
  }
}

/** The same, but without parameters it is as if there were an empty object. */
function ofOptional<S extends AnyStruct>(
  record: S,
  run: (params: Decoded<S>) => Promise<unknown>,
): Handler {
  const handler = of(record, run)
  return (params, isStrict) => handler(params ?? new Map<string, JsonValue>(), isStrict)
}

export interface HttpPorts {
  readonly legacy: LegacyPorts
  readonly desk: AttachDesk
  /** Open connections. */
  readonly connections: () => number
}

export function httpDispatch(ports: HttpPorts): Dispatch {
  const handlers: Readonly<Record<HttpMethod, Handler>> = {
    ...agentHandlers(ports.legacy),
    ...controlHandlers(new ControlService(ports.legacy, ports.desk)),
    ...chatHandlers(new ChatService(ports.legacy)),
    ...systemHandlers(new SystemService(ports.legacy, ports.connections)),
  }
  return async (method, params, isStrict) => {
    if (!Object.hasOwn(handlers, method)) {
      throw new RpcError(-32601, `Method not found: ${method}`)
    }
    return handlers[method as HttpMethod](params, isStrict)
  }
}

function agentHandlers(legacy: LegacyPorts) {
  const logs = new LogReader(legacy.client)
  return {
    'agent.spawn': of(PARAMS.spawn, async ({ name, agent_type: type, config }) => {
      const { session } = await spawn(legacy, { name, type, config, isLoose: true })
      return { agent_id: session, message: 'Agent spawned successfully', status: 'running' }
    }),
    'agent.list': async () => {
      const agents = (await listAgents(legacy)).map(agentInfo)
      return { agents, count: agents.length }
    },
    'agent.kill': of(PARAMS.kill, async ({ agent_id }) => {
      await killAgent(legacy, agent_id)
      return { agent_id, message: 'Agent terminated successfully', status: 'terminated' }
    }),
    'agent.logs': of(PARAMS.logs, async ({ agent_id, limit, offset }) => {
      const { session } = await requireAgent(legacy, agent_id)
      return { agent_id, ...(await logs.read(session, { limit, offset })) }
    }),
    'workflow.execute': of(PARAMS.execute, (params) => executeWorkflow(legacy, params)),
    'state.query': ofOptional(PARAMS.query, (params) => queryState(legacy, params)),
  } satisfies Partial<Record<HttpMethod, Handler>>
}

function controlHandlers(control: ControlService) {
  return {
    'agent.pause': of(PARAMS.pause, ({ agent_id, force }) => control.pause(agent_id, force)),
    'agent.resume': of(PARAMS.resume, ({ agent_id }) => control.resume(agent_id)),
    'agent.attach.request': of(PARAMS.attach, ({ agent_id }) => {
      return control.attach(agent_id)
    }),
    'agent.attach.validate': of(PARAMS.validate, ({ token }) => control.validate(token)),
    'agent.attach.revoke': of(PARAMS.revoke, ({ token }) => control.revoke(token)),
  } satisfies Partial<Record<HttpMethod, Handler>>
}

function chatHandlers(chats: ChatService) {
  return {
    'chat.create': async (params: JsonValue, isStrict: boolean) => {
      const { initial_prompt: _unused, ...wishes } = chatStart(params, isStrict)
      return chats.create(wishes)
    },
    'chat.start': async (params: JsonValue, isStrict: boolean) => {
      const { initial_prompt, ...wishes } = chatStart(params, isStrict)
      return chats.start(wishes, initial_prompt)
    },
    'chat.prompt': async (params: JsonValue) => {
      chats.endpoint()
      const { session, prompt } = chatTarget(params, true)
      await chats.prompt(session, prompt)
      return { success: true }
    },
    'chat.stop': async (params: JsonValue) => {
      chats.endpoint()
      await chats.stop(chatTarget(params, false).session)
      return { success: true }
    },
    'chat.list': async () => {
      chats.endpoint()
      return chats.list()
    },
    'chat.upgrade_to_agent': async (params: JsonValue) => {
      chats.endpoint()
      await chats.upgrade(chatTarget(params, false).session)
      return { mode: 'agent', success: true }
    },
  } satisfies Partial<Record<HttpMethod, Handler>>
}

function systemHandlers(system: SystemService) {
  return {
    'system.health': () => system.health(),
    'system.metrics': () => system.metrics(),
  } satisfies Partial<Record<HttpMethod, Handler>>
}
