/** A program of the host's config as a backend of its own name. Nothing else can be run by it. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Backend, Detection, Launch, Probe, StartOptions } from './backend.ts'
import type { StdioCommand } from './stdio-command.ts'
import { StdioDriver } from './stdio-driver.ts'

export function createStdio(name: string, program: StdioCommand): Backend {
  const title = program.title ?? name
  return {
    name,
    title,
    capabilities: {
      multiTurn: program.turn_end !== 'exit',
      interrupt: program.interrupt === true,
      resume: false,
      thinking: false,
      approvals: false,
      setMode: false,
      usage: false,
      write: true,
    },
    detect: (probe) => detect(program, probe),
    launch: (command, options) => launch({ ...program, name, title }, command, options),
    drive: (_options, port) => new StdioDriver(program, port),
  }
}

/** The program itself is not run: who knows what it does. A shell says where it would be found. */
async function detect({ command }: StdioCommand, probe: Probe): Promise<Detection> {
  const found = await probe('sh', ['-c', 'command -v -- "$1"', 'sh', command])
  if ('missing' in found) return { available: false, reason: found.missing }
  if (found.exitCode !== 0) return { available: false, reason: `no command ${command}` }
  return { available: true, version: found.stdout.trim(), command }
}

type Named = StdioCommand & { readonly name: string; readonly title: string }

/** Throws INVALID_PARAMS or START_FAILED. */
function launch(program: Named, command: string, options: StartOptions): Launch {
  refuseSettings(program, options)
  const { extraArgs = [] } = options
  if (extraArgs.length > 0 && program.extra_args !== true) {
    refuse(`/extra_args: the config of the host allows none for ${program.name}`)
  }
  if (options.resume) {
    const reason = 'it cannot go on with an earlier conversation'
    throw new ProtocolError('START_FAILED', { backend: program.name, reason }, { where: 'host' })
  }
  const args = [...(program.args ?? []), ...extraArgs]
  return { command, args, env: { ...program.env, ...options.env } }
}

/** What would be left out silently must not be asked for, permissions least of all. */
function refuseSettings({ title }: Named, options: StartOptions): void {
  const asked = {
    model: options.model,
    permission_mode: options.permissionMode,
    max_turns: options.maxTurns,
    allowed_tools: options.allowedTools,
    system_prompt: options.systemPrompt,
  }
  const [field] = Object.entries(asked).find(([, value]) => value !== undefined) ?? []
  if (field === undefined) return
  refuse(`/${field}: ${title} has no such setting`)
}

function refuse(reason: string): never {
  throw new ProtocolError('INVALID_PARAMS', { method: 'session.create', reason }, { where: 'host' })
}
