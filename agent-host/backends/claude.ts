/** Claude Code: one live process for each session, stream-json both ways (argv as seen with 2.1.330). */
import { ProtocolError } from '../../protocol/errors.ts'
import type { ThinkingLevel } from '../../protocol/methods/session.ts'
import type { Backend, Launch, StartOptions } from './backend.ts'
import { detectByVersion } from './detect.ts'
import { StreamJsonDriver } from './stream-json.ts'

export interface ClaudeOptions {
  /** Name or path of the CLI; default `claude`. */
  readonly command?: string
}

/** `--verbose` is not chatter: without it the CLI refuses stream-json. */
const STREAM_JSON = [
  '-p',
  '--input-format',
  'stream-json',
  '--output-format',
  'stream-json',
  '--include-partial-messages',
  '--verbose',
  // Not in --help (2.1.330): what needs a permission is asked on stdout and answered on stdin.
  '--permission-prompt-tool',
  'stdio',
]

export function createClaude({ command = 'claude' }: ClaudeOptions = {}): Backend {
  return {
    name: 'claude',
    title: 'Claude Code',
    capabilities: {
      multiTurn: true,
      interrupt: true,
      resume: true,
      thinking: true,
      approvals: true,
      setMode: true,
      write: false,
      usage: true,
    },
    detect: (probe) => detectByVersion(command, probe),
    launch,
    drive: (options, port) => new StreamJsonDriver(options, port),
  }
}

/**
 * The ids of a conversation are the host's choice, so that it can be resumed after a crash; the CLI
 * keeps it under the working directory, so that must be the same. Throws INVALID_PARAMS.
 */
function launch(command: string, options: StartOptions): Launch {
  const { model, permissionMode, maxTurns, thinking, systemPrompt, extraArgs = [] } = options
  const args = [
    ...STREAM_JSON,
    options.resume ? '--resume' : '--session-id',
    options.nativeSessionId,
    ...flag('--model', model),
    ...flag('--permission-mode', permissionMode),
    ...flag('--max-turns', maxTurns?.toString()),
    ...flag('--effort', effortOf(thinking)),
    ...flag('--append-system-prompt', systemPrompt),
    ...allowedTools(options.allowedTools ?? []),
    ...extraArgs,
  ]
  return { command, args, env: options.env }
}

/** The CLI cannot be told not to think at all; its lowest level comes nearest. */
function effortOf(thinking: ThinkingLevel | undefined): string | undefined {
  return thinking === 'off' ? 'low' : thinking
}

function flag(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value]
}

/** The flag takes all that follows up to the next flag, so a tool must not look like one. */
function allowedTools(tools: readonly string[]): string[] {
  const flagLike = tools.find((tool) => tool.startsWith('-'))
  if (flagLike !== undefined) {
    const reason = `/allowed_tools: ${flagLike} is not the name of a tool`
    const details = { method: 'session.create', reason }
    throw new ProtocolError('INVALID_PARAMS', details, { where: 'host' })
  }
  return tools.length === 0 ? [] : ['--allowedTools', ...tools]
}
