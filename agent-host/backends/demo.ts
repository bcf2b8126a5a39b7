/** The demo agent that comes with agentmq: a real child process, no account and no network needed. */
import { fileURLToPath } from 'node:url'
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
  drive: (options, port) => new StreamJsonDriver(options, port),
}

async function detect(probe: Probe): Promise<Detection> {
  const found = await probe(process.execPath, [PROGRAM, '--version'])
  if ('missing' in found) return { available: false, reason: found.missing }
  if (found.exitCode !== 0) return { available: false, reason: `it ended with ${found.exitCode}` }
  return { available: true, version: found.stdout.trim(), command: process.execPath }
}

function launch(command: string, options: StartOptions): Launch {
  const { model, permissionMode, allowedTools = [], extraArgs = [] } = options
  const args = [
    PROGRAM,
    ...[options.resume ? '--resume' : '--session-id', options.nativeSessionId],
    ...(model === undefined ? [] : ['--model', model]),
    ...(permissionMode === undefined ? [] : ['--permission-mode', permissionMode]),
    ...(allowedTools.length === 0 ? [] : ['--allowedTools', ...allowedTools]),
    ...extraArgs,
  ]
  return { command, args, env: options.env }
}
