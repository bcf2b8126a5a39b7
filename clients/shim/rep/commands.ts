/** The control commands: what each does to an agent, and the `data` of its reply. */
import type { SessionInfo } from '../../sdk/index.ts'
import { isTerminal, statusOf } from '../agents/agent.ts'
import { writeInput } from '../agents/input.ts'
import { CommandFailed } from './command-failed.ts'
import { customAction } from './custom-action.ts'
import { endAgent } from './end-agent.ts'
import type { Command } from './layouts.ts'
import type { RepPorts } from './ports.ts'
import { readLine, readLines } from './read-lines.ts'
import { sendSignal } from './signals.ts'
import { membersOf, stdinData } from './stdin-data.ts'
import type { Json } from './wire-types.ts'

type Run = (ports: RepPorts, agent: SessionInfo, payload: Json | null) => Promise<Json | null>

/** Every command, so that a missing one does not compile. */
const RUN: Readonly<Record<Command, Run>> = {
  pause,
  resume,
  stop: (ports, agent) => end(ports, agent, 'session.stop'),
  kill: (ports, agent) => end(ports, agent, 'session.kill'),
  get_status: async (_ports, agent) => ({ status: debugName(statusOf(agent)) }),
  write_stdin: async ({ client }, { session }, payload) => {
    const { text, bytes } = stdinData(payload)
    await writeInput(client, session, text)
    return { bytes_written: bytes }
  },
  read_stdout: (ports, agent) => readLine(ports, agent, 'stdout'),
  read_stderr: (ports, agent) => readLine(ports, agent, 'stderr'),
  signal: sendSignal,
  custom_action: async (ports, agent, payload) => {
    const { action, params } = membersOf(payload)
    if (typeof action !== 'string') throw new CommandFailed('custom_action needs {"action": name}')
    return customAction(action, params ?? null, agent, ports.wall())
  },
  query_output: readLines,
  stream_logs: async ({ logs }, { session }) => logs.where(session),
}

/** Rejects with CommandFailed or ProtocolError. */
export function runCommand(
  ports: RepPorts,
  command: Command,
  agent: SessionInfo,
  payload: Json | null,
): Promise<Json | null> {
  return RUN[command](ports, agent, payload)
}

async function pause(
  { client, wall }: RepPorts,
  agent: SessionInfo,
  payload: Json | null,
): Promise<Json> {
  const status = statusOf(agent)
  if (status === 'paused') throw new CommandFailed('Agent is already paused')
  if (isTerminal(status)) throw new CommandFailed(`Cannot pause agent in terminal state: ${status}`)
  if (status !== 'running') throw new CommandFailed(`Cannot pause agent in state: ${status}`)
  const isForced = membersOf(payload)['force'] === true
  const { session } = agent
  await client.call('session.pause', { session, mode: isForced ? 'freeze' : 'hold' })
  await client.call('session.annotate', { session, metadata: { paused_at: wall() } })
  return { paused: true, mode: isForced ? 'forced' : 'cooperative' }
}

async function resume({ client }: RepPorts, agent: SessionInfo): Promise<Json> {
  const status = statusOf(agent)
  if (status !== 'paused') {
    throw new CommandFailed(`Agent is not paused, current status: ${status}`)
  }
  await client.call('session.resume', { session: agent.session })
  return { resumed: true }
}

/** Replies when the process is gone. One that is gone already is what was wished for. */
async function end(
  { client }: RepPorts,
  agent: SessionInfo,
  method: 'session.stop' | 'session.kill',
): Promise<null> {
  if (isTerminal(statusOf(agent))) return null
  await endAgent(client, agent.session, method)
  return null
}

function debugName(status: string): string {
  return status.charAt(0).toUpperCase() + status.slice(1)
}
