/** The table of what HTTP offers: parameters of each method, and where else it is known. */
import { type AnyStruct, fields, struct } from './fields.ts'

const agentId = fields.text('Id of the agent')
const token = fields.text('Token of an attach request').required
const sessionId = fields.text('Id of the chat session').required

export const PARAMS = {
  spawn: struct('AgentSpawnRequest', {
    name: fields.text('Name for people').required,
    agent_type: fields.text('What to run; the table of agent types says which backend that is')
      .required,
    config: fields.anything(
      'Kept with the agent; task, working_dir, model, context and more are used',
    ).required,
  }),
  kill: struct('AgentKillRequest', {
    agent_id: agentId.required,
    force: fields.flag('Without effect: a kill is always one').or(false),
  }),
  logs: struct('AgentLogsRequest', {
    agent_id: agentId.required,
    limit: fields.size('Most entries').optional,
    offset: fields.size('Entries to pass over').optional,
  }),
  execute: struct('WorkflowExecuteRequest', {
    workflow_id: fields.text('Name of the workflow').required,
    agents: fields.texts('Agents that take part').required,
    config: fields.anything('`steps`, or one `prompt` for every agent').required,
  }),
  query: struct('StateQueryRequest', {
    agent_id: fields.text('Only the state of this agent').nullable,
    key: fields.text('Only this key').nullable,
  }),
  pause: struct('AgentPauseRequest', {
    agent_id: agentId.required,
    force: fields.flag('Stop its processes as well').or(false),
  }),
  resume: struct('AgentResumeRequest', { agent_id: agentId.required }),
  attach: struct('AttachRequest', {
    agent_id: agentId.required,
    client_type: fields.text('What will attach').or('claude-code'),
  }),
  validate: struct('AttachValidateRequest', { token }),
  revoke: struct('AttachRevokeRequest', { token }),
  chatCreate: struct('ChatCreateRequest', {
    working_dir: fields.text('Directory on the host').or('.'),
    enable_thinking: fields.flag('Whether the level counts').or(true),
    thinking_level: fields.text('normal, hard, harder or ultra').or('normal'),
  }),
  chatStart: struct('ChatStartRequest', {
    working_dir: fields.text('Directory on the host').or('.'),
    enable_thinking: fields.flag('Whether the level counts').or(true),
    thinking_level: fields.text('normal, hard, harder or ultra').or('normal'),
    initial_prompt: fields.text('The first prompt').or(''),
  }),
  chatPrompt: struct('ChatPromptRequest', {
    session_id: sessionId,
    prompt: fields.text('What to say').required,
  }),
  chatSession: struct('ChatSessionRequest', { session_id: sessionId }),
  none: struct('NoParams', {}),
} as const

export interface LegacyMethod {
  readonly summary: string
  readonly params: AnyStruct
  /** In the list that GET shows. */
  readonly isListed?: true
}

/** In the order in which GET lists them. */
export const HTTP_METHODS = {
  'agent.spawn': { summary: 'Starts an agent', params: PARAMS.spawn, isListed: true },
  'agent.list': { summary: 'All agents', params: PARAMS.none, isListed: true },
  'agent.kill': { summary: 'Ends an agent at once', params: PARAMS.kill, isListed: true },
  'agent.logs': { summary: 'What an agent wrote', params: PARAMS.logs, isListed: true },
  'workflow.execute': { summary: 'Runs steps over agents', params: PARAMS.execute, isListed: true },
  'state.query': { summary: 'Keys and their values', params: PARAMS.query, isListed: true },
  'system.health': { summary: 'Whether all is well', params: PARAMS.none, isListed: true },
  'system.metrics': { summary: 'Figures', params: PARAMS.none, isListed: true },
  'chat.create': { summary: 'A chat that its first prompt starts', params: PARAMS.chatCreate },
  'chat.start': { summary: 'A chat with its first prompt', params: PARAMS.chatStart },
  'chat.prompt': { summary: 'Says something in a chat', params: PARAMS.chatPrompt },
  'chat.stop': { summary: 'Ends a chat', params: PARAMS.chatSession },
  'chat.list': { summary: 'All chats', params: PARAMS.none },
  'chat.upgrade_to_agent': { summary: 'Makes an agent of a chat', params: PARAMS.chatSession },
  'agent.pause': { summary: 'Pauses an agent', params: PARAMS.pause },
  'agent.resume': { summary: 'Lets an agent go on', params: PARAMS.resume },
  'agent.attach.request': { summary: 'A token to attach with', params: PARAMS.attach },
  'agent.attach.validate': { summary: 'Whether a token is good', params: PARAMS.validate },
  'agent.attach.revoke': { summary: 'Ends a token', params: PARAMS.revoke },
} as const satisfies Record<string, LegacyMethod>

export type HttpMethod = keyof typeof HTTP_METHODS
