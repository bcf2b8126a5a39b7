/** workflow.execute: the steps of a config, or one prompt for each agent, as a workflow of the broker. */
import type { Params } from '../../sdk/index.ts'
import { requireAgent } from './agents.ts'
import { asRpcError, isCode } from './failures.ts'
import type { LegacyPorts } from './ports.ts'
import { agentNotFound, workflowFailed } from './rpc-error.ts'
import { rfc3339 } from './times.ts'
import { parseUuid } from './uuid.ts'

interface WorkflowRequest {
  readonly workflow_id: string
  readonly agents: readonly string[]
  readonly config: unknown
}

type Step = Params<'workflow.execute'>['steps'][number]
type Fields = Readonly<Record<string, unknown>>

const NAME_LENGTH = 128

/** Every agent has to be there before anything begins. */
export async function executeWorkflow(
  ports: LegacyPorts,
  { workflow_id, agents, config }: WorkflowRequest,
): Promise<object> {
  const sessions: string[] = []
  for (const agent of agents) sessions.push((await requireAgent(ports, agent)).session)
  const fields = fieldsOf(config)
  try {
    const { execution, created_at, status } = await ports.client.call('workflow.execute', {
      name: workflow_id.slice(0, NAME_LENGTH),
      steps: stepsOf(fields, sessions),
      ...settingsOf(fields),
    })
    return { created_at: rfc3339(created_at), execution_id: execution, status, workflow_id }
  } catch (thrown) {
    if (isCode(thrown, 'INVALID_PARAMS')) throw workflowFailed((thrown as Error).message)
    throw asRpcError(thrown)
  }
}

/** What the broker checks is passed on as it is. */
function settingsOf({ inputs, max_parallel, deadline_ms }: Fields) {
  return {
    ...(inputs !== undefined && { inputs }),
    ...(max_parallel !== undefined && { max_parallel }),
    ...(deadline_ms !== undefined && { deadline_ms }),
  } as Pick<Params<'workflow.execute'>, 'inputs' | 'max_parallel' | 'deadline_ms'>
}

function stepsOf({ steps, prompt }: Fields, sessions: readonly string[]): Step[] {
  if (Array.isArray(steps)) return steps.map((step, index) => stepOf(step, index, sessions))
  if (typeof prompt !== 'string' || prompt === '') return []
  return sessions.map((session, index) => ({ id: `agent${index + 1}`, session, prompt }))
}

/**
 * A step of the broker; `agent` stands for its session, and without one the agents take turns. It runs in an agent
 * that the request names: what may be started, and how, agent.spawn says.
 */
function stepOf(given: unknown, index: number, sessions: readonly string[]): Step {
  const { agent, agent_id, session, start, ...step } = fieldsOf(given)
  if (start !== undefined) throw workflowFailed('a step cannot start an agent; say agent.spawn')
  const turn = sessions.length === 0 ? undefined : sessions[index % sessions.length]
  const named = session ?? agent ?? agent_id
  const chosen = named === undefined ? turn : memberOf(sessions, named)
  return {
    id: `step${index + 1}`,
    ...step,
    ...(chosen !== undefined && { session: chosen }),
  } as Step
}

/** Throws -32002 for whoever does not take part. */
function memberOf(sessions: readonly string[], named: unknown): string {
  const session = typeof named === 'string' ? parseUuid(named) : undefined
  if (session === undefined || !sessions.includes(session)) throw agentNotFound(String(named))
  return session
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
