/** The backends of a host by name: those that are known here, and those of its config. */
import { ProtocolError } from '../../protocol/errors.ts'
import { createAcp } from './acp.ts'
import { type AcpAgentSettings, GEMINI, OPENCODE } from './acp-agents.ts'
import type { Backend } from './backend.ts'
import { type ClaudeOptions, createClaude } from './claude.ts'
import { type CodexOptions, createCodex } from './codex.ts'
import { demo } from './demo.ts'
import { createStdio } from './stdio.ts'
import type { StdioCommand } from './stdio-command.ts'

interface CommandOption {
  /** Name or path of the CLI. */
  readonly command?: string
}

export interface BackendOptions {
  readonly claude?: ClaudeOptions
  readonly opencode?: CommandOption
  readonly gemini?: CommandOption
  /** Further agents of the Agent Client Protocol, by name. */
  readonly acpAgents?: Readonly<Record<string, AcpAgentSettings>>
  /** Programs that are no agents, by name. */
  readonly stdioCommands?: Readonly<Record<string, StdioCommand>>
  readonly codex?: CodexOptions
}

/** The backends that every host has. */
export function createBackends(options: BackendOptions = {}) {
  return {
    claude: createClaude(options.claude),
    opencode: createAcp({ ...OPENCODE, ...options.opencode }),
    gemini: createAcp({ ...GEMINI, ...options.gemini }),
    codex: createCodex(options.codex),
    demo,
  } satisfies Record<string, Backend>
}

/** All of them. Throws BAD_CONFIG for a name that is taken, or for a rule that lacks its line. */
export function hostBackends(options: BackendOptions): Backend[] {
  const { acpAgents = {}, stdioCommands = {} } = options
  const backends: Backend[] = Object.values(createBackends(options))
  for (const [name, agent] of Object.entries(acpAgents)) {
    add(
      backends,
      'acp_agents',
      createAcp({ ...agent, name, title: agent.title ?? name, quirks: {} }),
    )
  }
  for (const [name, program] of Object.entries(stdioCommands)) {
    if (program.turn_end === 'line' && program.end_line === undefined) {
      refuse('stdio_commands', `${name} has turn_end line, but no end_line`)
    }
    add(backends, 'stdio_commands', createStdio(name, program))
  }
  return backends
}

function add(backends: Backend[], key: string, backend: Backend): void {
  const { name } = backend
  if (backends.some((one) => one.name === name)) {
    refuse(key, `${name} is the name of another backend`)
  }
  backends.push(backend)
}

function refuse(key: string, reason: string): never {
  throw new ProtocolError('BAD_CONFIG', { source: key, reason }, { where: 'host' })
}
