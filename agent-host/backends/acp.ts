/** Any agent of the Agent Client Protocol: how it is found and started. `AcpDriver` talks to it. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { AcpAgent } from './acp-agents.ts'
import { AcpDriver } from './acp-driver.ts'
import type { Backend, Detection, Launch, Probe, StartOptions } from './backend.ts'

export function createAcp(agent: AcpAgent): Backend {
  return {
    name: agent.name,
    title: agent.title,
    capabilities: {
      multiTurn: true,
      interrupt: true,
      resume: agent.quirks.cannotResume !== true,
      thinking: true,
      approvals: true,
      setMode: true,
      usage: true,
      write: false,
    },
    detect: (probe) => detect(agent, probe),
    launch: (command, options) => launch(agent, command, options),
    drive: (options, port) => new AcpDriver(agent, options, port),
  }
}

/** Agents of the config may answer `--version` in words of their own, or not at all. */
async function detect({ command }: AcpAgent, probe: Probe): Promise<Detection> {
  const found = await probe(command, ['--version'])
  if ('missing' in found) return { available: false, reason: found.missing }
  const version = /\d+\.\d+\.\d+\S*/.exec(found.stdout)?.[0] ?? 'unknown'
  return { available: true, version, command }
}

/** Model, mode and level of thinking are set over the protocol. Throws INVALID_PARAMS. */
function launch(agent: AcpAgent, command: string, options: StartOptions): Launch {
  if (options.systemPrompt !== undefined) refuse(agent, '/system_prompt')
  if (options.maxTurns !== undefined) refuse(agent, '/max_turns')
  const args = [...(agent.args ?? []), ...(options.extraArgs ?? [])]
  return { command, args, env: { ...agent.env, ...options.env } }
}

function refuse({ title }: AcpAgent, field: string): never {
  const reason = `${field}: ${title} has no such setting`
  throw new ProtocolError('INVALID_PARAMS', { method: 'session.create', reason }, { where: 'host' })
}
