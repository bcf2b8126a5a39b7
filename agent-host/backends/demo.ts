/** The demo agent that comes with agentmq: a real child process, no account and no network needed. */
import { fileURLToPath } from 'node:url'
import { option, options, plainId } from './arguments.ts'
import type { Backend, Detection, Launch, Probe, StartOptions } from './backend.ts'
import { StreamJsonDriver } from './stream-json.ts'

const PROGRAM = fileURLToPath(new URL('../demo/agent.js', import.meta.url))

export const demo: Backend = {
  name: 'demo',
  title: 'Demo agent',
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
  detect,
  launch,
  drive: (start, port) => new StreamJsonDriver(start, port),
}

async function detect(probe: Probe): Promise<Detection> {
  const found = await probe(process.execPath, [PROGRAM, '--version'])
  if ('missing' in found) return { available: false, reason: found.missing }
  if (found.exitCode !== 0) return { available: false, reason: `it ended with ${found.exitCode}` }
  return { available: true, version: found.stdout.trim(), command: process.execPath }
}

/** Throws INVALID_PARAMS. */
function launch(command: string, start: StartOptions): Launch {
  const { model, permissionMode, allowedTools = [], extraArgs = [] } = start
  const args = [
    PROGRAM,
    ...[start.resume ? '--resume' : '--session-id', plainId(start.nativeSessionId)],
    ...option('--model', 'model', model),
    ...option('--permission-mode', 'permission_mode', permissionMode),
    ...options('--allowedTools', 'allowed_tools', allowedTools),
    ...extraArgs,
  ]
  return { command, args, env: start.env }
}
