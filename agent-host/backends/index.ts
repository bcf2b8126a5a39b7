/** The backends by name; adding one is one line here. */
import type { Backend } from './backend.ts'
import { type ClaudeOptions, createClaude } from './claude.ts'
import { demo } from './demo.ts'

export interface BackendOptions {
  readonly claude?: ClaudeOptions
}

export function createBackends(options: BackendOptions = {}) {
  return {
    claude: createClaude(options.claude),
    demo,
  } satisfies Record<string, Backend>
}

export type BackendName = keyof ReturnType<typeof createBackends>
