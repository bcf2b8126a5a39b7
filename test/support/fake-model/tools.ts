/** Turns a tool step into a call that the asking CLI understands: each names its tools otherwise. */

import type { Step } from './script.ts'

export type ToolStep = Extract<Step, { do: 'shell' | 'write' }>

export interface ToolCall {
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
}

const SHELLS: Readonly<Record<string, (command: string) => ToolCall['input']>> = {
  Bash: (command) => ({ command, description: 'Run the command of the test' }),
  bash: (command) => ({ command, description: 'Run the command of the test' }),
  exec_command: (cmd) => ({ cmd }),
  shell_command: (command) => ({ command }),
  shell: (command) => ({ command: ['bash', '-lc', command] }),
  run_shell_command: (command) => ({ command, description: 'Run the command of the test' }),
}

const WRITERS: Readonly<Record<string, (path: string, content: string) => ToolCall['input']>> = {
  Write: (path, content) => ({ file_path: path, content }),
  write: (path, content) => ({ filePath: path, content }),
  write_file: (path, content) => ({ file_path: path, content }),
}

/** The CLIs tell the model where they run, in prose; file tools want absolute paths. */
export function workingDirectory(prompt: string): string | undefined {
  return /(?:working directory|cwd)[^\n/]*(\/[^\s<`"\\]+)/i.exec(prompt)?.[1]
}

/** The call for one step among the tools on offer, or undefined when none of them fits. */
export function toolCall(
  step: ToolStep,
  offered: readonly string[],
  directory: string | undefined,
): ToolCall | undefined {
  const table = step.do === 'shell' ? SHELLS : WRITERS
  const name = Object.keys(table).find((known) => offered.includes(known))
  if (name === undefined) return undefined
  if (step.do === 'shell') return { name, input: SHELLS[name]?.(step.command) ?? {} }
  const asIs = step.path.startsWith('/') || directory === undefined
  const path = asIs ? step.path : `${directory}/${step.path}`
  return { name, input: WRITERS[name]?.(path, step.content) ?? {} }
}
