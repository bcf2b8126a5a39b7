/** The figures of agents, from the broker: those that live are counted, the totals are its own counters. */
import type { Actor } from '../../sdk/index.ts'
import { agents, LIVE } from '../agents/agent.ts'
import type { AgentFigures } from './door-metrics.ts'

export async function agentFigures(client: Actor, brokerText: string): Promise<AgentFigures> {
  let active = 0
  for await (const { status } of agents(client, LIVE)) if (status !== 'created') active += 1
  return { active, ...totals(brokerText) }
}

/** Calls that created and ended sessions, since the broker started. */
export function totals(brokerText: string): Pick<AgentFigures, 'spawned' | 'killed'> {
  const done = (method: string): number => {
    const sample = new RegExp(
      `^agentmq_calls_total\\{(?=[^}]*method="${method}")(?=[^}]*code="OK")[^}]*\\} (\\S+)$`,
      'm',
    )
    return Number(sample.exec(brokerText)?.[1] ?? 0)
  }
  return { spawned: done('session.create'), killed: done('session.stop') + done('session.kill') }
}
