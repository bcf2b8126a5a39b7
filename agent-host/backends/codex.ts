/** Codex: one `codex app-server` for each session, JSON-RPC on its stdio (as seen with 0.169.0). */
import type { Backend, Launch, StartOptions } from './backend.ts'
import { CodexDriver } from './codex-driver.ts'
import { checkOptions } from './codex-options.ts'
import { detectByVersion } from './detect.ts'

export interface CodexOptions {
  /** Name or path of the CLI; default `codex`. */
  readonly command?: string
}

export function createCodex({ command = 'codex' }: CodexOptions = {}): Backend {
  return {
    name: 'codex',
    title: 'Codex',
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
    drive: (options, port) => new CodexDriver(options, port),
  }
}

/** All but these arguments is said in the conversation itself. Throws INVALID_PARAMS. */
function launch(command: string, options: StartOptions): Launch {
  checkOptions(options)
  return { command, args: ['app-server', ...(options.extraArgs ?? [])], env: options.env }
}
