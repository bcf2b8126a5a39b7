/** Claude Code: one live process for each session, stream-json both ways (argv as seen with 2.1.330). */
import type { ThinkingLevel } from '../../protocol/methods/session.ts'
import { option, options, plainId } from './arguments.ts'
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
    drive: (start, port) => new StreamJsonDriver(start, port),
  }
}

/**
 * The ids of a conversation are the host's choice, so that it can be resumed after a crash; the CLI
 * keeps it under the working directory, so that must be the same. A system prompt goes to its stdin.
 * Throws INVALID_PARAMS.
 */
function launch(command: string, start: StartOptions): Launch {
  const { model, permissionMode, maxTurns, thinking, allowedTools = [], extraArgs = [] } = start
  const args = [
    ...STREAM_JSON,
    ...[start.resume ? '--resume' : '--session-id', plainId(start.nativeSessionId)],
    ...option('--model', 'model', model),
    ...option('--permission-mode', 'permission_mode', permissionMode),
    ...option('--max-turns', 'max_turns', maxTurns?.toString()),
    ...option('--effort', 'thinking', effortOf(thinking)),
    ...options('--allowedTools', 'allowed_tools', allowedTools),
    ...extraArgs,
  ]
  return { command, args, env: start.env }
}

/** The CLI cannot be told not to think at all; its lowest level comes nearest. */
function effortOf(thinking: ThinkingLevel | undefined): string | undefined {
  return thinking === 'off' ? 'low' : thinking
}
