/**
 * What a backend is: the knowledge of one kind of CLI, as pure translation. It says how the CLI is
 * detected and started, and turns lines of the child into events and wishes into lines. It opens no
 * socket and starts no process, so a recorded transcript is all that a test needs.
 */
import type { ApprovalDecision, TurnReason } from '../../protocol/messages/chunk.ts'
import type { ThinkingLevel } from '../../protocol/methods/session.ts'

/** What a CLI can do; shown by `agentmq hosts`. */
export interface BackendCapabilities {
  /** Several prompts in one live process. */
  readonly multiTurn: boolean
  /** A running turn can be stopped and the process lives on. */
  readonly interrupt: boolean
  /** The conversation can go on in a new process. */
  readonly resume: boolean
  /** The CLI streams its reasoning. */
  readonly thinking: boolean
  /** The CLI asks before it runs a tool, and takes an answer. */
  readonly approvals: boolean
  /** The permission mode can be changed while the process lives. */
  readonly setMode: boolean
  /** Lines may be written to its stdin as they are; the others speak a protocol there. */
  readonly write: boolean
  /** The CLI tells what a turn cost in tokens. */
  readonly usage: boolean
}

export type Detection =
  | { readonly available: true; readonly version: string; readonly command: string }
  | { readonly available: false; readonly reason: string }

/** Runs `command args` for at most a few seconds; the host provides it. */
export type Probe = (
  command: string,
  args: readonly string[],
) => Promise<{ readonly stdout: string; readonly exitCode: number } | { readonly missing: string }>

/** What `session.create` asks for, already checked by the host against what it allows. */
export interface StartOptions {
  readonly session: string
  readonly cwd: string
  readonly model?: string
  readonly permissionMode?: string
  /** How hard the model should think; a backend without such a setting leaves it out. */
  readonly thinking?: ThinkingLevel
  /** Most requests to the model in one turn, where the CLI can count them. */
  readonly maxTurns?: number
  readonly allowedTools?: readonly string[]
  readonly systemPrompt?: string
  /** Put before the first prompt by the host; backends have nothing to do with it. */
  readonly context?: string
  readonly extraArgs?: readonly string[]
  /** Environment that the request adds; names were checked against the host's allow-list. */
  readonly env: Readonly<Record<string, string>>
  /** Id under which the CLI itself keeps the conversation. */
  readonly nativeSessionId: string
  /** True to go on with an earlier conversation in place of a new one. */
  readonly resume: boolean
}

/** How to start the child. `env` is added to the host's minimal environment. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What a driver reports. Turn numbers are the host's business, not the backend's. */
export type BackendEvent =
  | {
      readonly type: 'ready'
      /** Where the CLI chose the id itself: what it is resumed by. */
      readonly nativeSessionId?: string
      readonly model?: string
    }
  /** The CLI will never be ready, though its process lives; the host ends it. Only before `ready`. */
  | { readonly type: 'start_failed'; readonly message: string }
  | { readonly type: 'text' | 'thinking'; readonly content: string }
  | { readonly type: 'tool_use_start'; readonly toolId: string; readonly toolName: string }
  | { readonly type: 'tool_use_input'; readonly toolId: string; readonly input: unknown }
  | {
      readonly type: 'tool_result'
      readonly toolId: string
      readonly result: string
      readonly isError: boolean
    }
  | {
      readonly type: 'usage'
      readonly inputTokens: number
      readonly outputTokens: number
      readonly costUsd?: number
    }
  | {
      readonly type: 'error'
      readonly message: string
      readonly kind?: 'auth' | 'rate_limit' | 'server' | 'network' | 'config' | 'crash' | 'protocol'
      readonly retrying?: boolean
    }
  | {
      /** The CLI wants to know whether a tool may run, and waits for `Driver.answer`. */
      readonly type: 'approval'
      /** The driver's name of this question, unique in its conversation (from `DriverPort.newId`). */
      readonly approval: string
      readonly toolId: string
      readonly toolName: string
      readonly input: unknown
      /** What the CLI says about it, for people. */
      readonly title?: string
      /** Decisions that the CLI understands. */
      readonly options: readonly ApprovalDecision[]
    }
  /** The CLI no longer waits for the answer: its turn was interrupted, or it has ended. */
  | { readonly type: 'approval_withdrawn'; readonly approval: string; readonly reason: string }
  | { readonly type: 'turn_end'; readonly reason: TurnReason }
  | { readonly type: 'diagnostic'; readonly message: string }

/** What somebody decided about a question of the CLI. */
export interface ApprovalAnswer {
  readonly decision: ApprovalDecision
  /** With a denial, what the model is told. */
  readonly message?: string
  /** With a denial: the turn ends as well. */
  readonly interrupt?: boolean
}

/** What a driver may do to the outside. */
export interface DriverPort {
  /** Writes one line to the child's stdin; the newline is added. */
  writeLine(line: string): void
  emit(event: BackendEvent): void
  /** A fresh id for a request to the child. */
  newId(): string
  /** Ends the child's stdin after what was written: for programs that answer then. */
  endInput(): void
  /** Signals the child and what runs in its process group. */
  signal(signal: 'SIGINT'): void
  /** Calls `run` once after so many ms, unless the function that it gives is called before. */
  after(ms: number, run: () => void): () => void
}

/** One live conversation with one child. All methods are synchronous and never throw on bad input. */
export interface Driver {
  /** The child runs: send what it needs before the first prompt. */
  started(): void
  /** One line of the child's stdout, without its newline. */
  line(text: string): void
  /** Begins a turn. Called only when no turn is running. */
  prompt(text: string): void
  /** Asks the CLI to stop the running turn; the turn's end arrives as `turn_end`. */
  interrupt(): void
  /** Tells the CLI what was decided; false when it does not wait for this answer (any more). */
  answer(approval: string, answer: ApprovalAnswer): boolean
  /**
   * Changes the permission mode of the live process; only where `capabilities.setMode`. `done` is
   * called once: with nothing when the CLI has agreed, with its words when it has not or has ended.
   */
  setMode?(mode: string, done: (refusal: string | undefined) => void): void
  /** The child's stdout has ended: closes what an unfinished turn left open. */
  ended(): void
}

export interface Backend {
  readonly name: string
  readonly title: string
  readonly capabilities: BackendCapabilities
  detect(probe: Probe): Promise<Detection>
  launch(command: string, options: StartOptions): Launch
  drive(options: StartOptions, port: DriverPort): Driver
}
