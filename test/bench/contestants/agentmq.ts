/** Ours: real processes of the compiled product, on the directory of a stage. */
import { type Client, connect } from '../../../clients/sdk/index.ts'
import type { Bench } from '../measures/measure.ts'
import type { AgentmqProducing, ProducerOptions } from '../producers/producer.ts'
import type { Program } from '../stage/program.ts'
import type { Running } from '../stage/running.ts'
import type { PartOptions } from '../stage/stage.ts'
import type { Meeting, Transport } from '../transports.ts'

/** Commands that the host of a bench may run, by the name of their backend. */
export type Commands = Readonly<Record<string, object>>

export interface Ours {
  readonly broker: Running
  readonly meeting: Meeting
}

export async function startBroker(
  { stage }: Bench,
  transport: Transport,
  options: PartOptions = {},
): Promise<Ours> {
  const flags = [...transport.brokerFlags, ...(options.flags ?? [])]
  const broker = await stage.part('broker', { ...options, flags })
  return { broker, meeting: await transport.meet(stage.dir) }
}

export async function startHost(
  { stage }: Bench,
  { meeting }: Ours,
  commands: Commands,
): Promise<Running> {
  const flags = ['--stdio-commands', JSON.stringify(commands), '--root', stage.dir]
  return stage.part('host', { flags: [...meeting.hostFlags, ...flags] })
}

/** The backend of hosts without children. */
export const CHILDLESS = 'bench'

/** A program of the bench in place of a host (producers/childless-host.ts). */
export function startChildlessHost(
  { stage }: Bench,
  { meeting }: Ours,
  size: Pick<AgentmqProducing, 'sessions' | 'hosts'> = { sessions: 1 },
): Promise<Program> {
  const options: ProducerOptions = { kind: 'agentmq', place: meeting.host, ...size }
  return stage.program('producer', options)
}

/** Does something as a client, which is closed before anything is measured. */
export async function asClient<T>(
  { meeting }: Ours,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(meeting.client)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** Calls under way while many sessions are made. */
const AT_ONCE = 50

/** So many sessions of hosts without children. */
export async function startSessions(ours: Ours, count: number): Promise<void> {
  await asClient(ours, async (client) => {
    let left = count
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await client.createSession({ backend: CHILDLESS })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
  })
}

/** The id of a new session with a command of the host. */
export function startSession(bench: Bench, ours: Ours, backend: string): Promise<string> {
  return asClient(ours, async (client) => {
    const session = await client.createSession({ backend, cwd: bench.stage.dir })
    return session.id
  })
}
