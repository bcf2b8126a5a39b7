/**
 * The tool calls of one turn. Keeps the promise that each call has one start, at most one input and
 * exactly one result, whatever the CLI sends and wherever the turn is cut off.
 */
import type { BackendEvent } from './backend.ts'

/** What the result of a call says that nobody finished. */
const UNFINISHED = 'interrupted'

interface Call {
  state: 'started' | 'given input' | 'settled'
}

export class OpenTools {
  readonly #emit: (event: BackendEvent) => void
  readonly #calls = new Map<string, Call>()
  /** Calls of the turn before: all of them have their result. */
  #earlier: ReadonlySet<string> = new Set()

  constructor(emit: (event: BackendEvent) => void) {
    this.#emit = emit
  }

  /** Repeated starts of one call are one start: a CLI tells it in the stream and as a whole. */
  start(toolId: string, toolName: string): void {
    if (this.#calls.has(toolId)) return
    this.#calls.set(toolId, { state: 'started' })
    this.#emit({ type: 'tool_use_start', toolId, toolName })
  }

  input(toolId: string, input: unknown): void {
    const call = this.#calls.get(toolId)
    if (call?.state !== 'started') return
    call.state = 'given input'
    this.#emit({ type: 'tool_use_input', toolId, input })
  }

  /** False when there is no such call, or it has a result already. */
  settle(toolId: string, result: string, isError: boolean): boolean {
    const call = this.#calls.get(toolId)
    if (call === undefined || call.state === 'settled') return false
    call.state = 'settled'
    this.#emit({ type: 'tool_result', toolId, result, isError })
    return true
  }

  /**
   * The result of a call that was never told: what a tool said is not lost because its call was. False
   * when the call was told, in this turn or in the one before.
   */
  stray(toolId: string, result: string, isError: boolean): boolean {
    if (this.#calls.has(toolId) || this.#earlier.has(toolId)) return false
    this.#calls.set(toolId, { state: 'settled' })
    this.#emit({ type: 'tool_result', toolId, result, isError })
    return true
  }

  /** Ends the turn: what has no result gets one that says so. */
  close(): void {
    for (const toolId of this.#calls.keys()) this.settle(toolId, UNFINISHED, true)
    if (this.#calls.size > 0) this.#earlier = new Set(this.#calls.keys())
    this.#calls.clear()
  }
}
