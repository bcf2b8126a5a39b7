/** Asks on stdout whether a tool may run, and waits for the answer on stdin, as Claude Code does. */
import type { Output } from './output.ts'

/** One call of a tool that needs a permission. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly input: object
  readonly about: string
}

interface Answer {
  readonly behavior?: unknown
  readonly message?: unknown
  readonly interrupt?: unknown
  readonly updatedPermissions?: readonly { readonly rules?: readonly { toolName?: unknown }[] }[]
}

/** Modes of Claude Code in which nothing is asked. */
const FREE_MODES: ReadonlySet<string> = new Set(['bypassPermissions', 'acceptEdits', 'dontAsk'])

export class Permissions {
  readonly #output: Output
  readonly #allowed: Set<string>
  readonly #isFree: boolean
  readonly #waiting = new Map<string, (answer: Answer) => void>()

  constructor(output: Output, mode: string, allowedTools: readonly string[]) {
    this.#output = output
    this.#isFree = FREE_MODES.has(mode)
    this.#allowed = new Set(allowedTools)
  }

  /** Resolves when the tool may run. Rejects with the reason when it may not, or the turn is cut off. */
  async ask(call: ToolCall, signal: AbortSignal, interrupt: () => void): Promise<void> {
    if (this.#isFree || this.#allowed.has(call.name)) return
    const { behavior, message, interrupt: ends, ...more } = await this.#question(call, signal)
    if (behavior === 'allow') {
      this.#learn(more)
      return
    }
    if (ends === true) interrupt()
    const reason = typeof message === 'string' ? message : 'denied'
    throw Object.assign(new Error(reason), { name: '' })
  }

  /** Takes an answer from stdin. */
  answered(requestId: string, answer: Answer): void {
    this.#waiting.get(requestId)?.(answer)
  }

  async #question(call: ToolCall, signal: AbortSignal): Promise<Answer> {
    const request_id = crypto.randomUUID()
    const rule = { type: 'addRules', rules: [{ toolName: call.name }], behavior: 'allow' }
    const answer = new Promise<Answer | undefined>((resolve) => {
      this.#waiting.set(request_id, resolve)
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
      if (signal.aborted) resolve(undefined)
    })
    const request = {
      subtype: 'can_use_tool',
      tool_name: call.name,
      input: call.input,
      description: call.about,
      permission_suggestions: [{ ...rule, destination: 'session' }],
      tool_use_id: call.id,
    }
    await this.#output.send({ type: 'control_request', request_id, request })
    const given = await answer.finally(() => this.#waiting.delete(request_id))
    if (given) return given
    await this.#output.send({ type: 'control_cancel_request', request_id })
    return { behavior: 'deny', message: 'interrupted' }
  }

  /** "Always" comes with the rules that were suggested. */
  #learn({ updatedPermissions = [] }: Answer): void {
    for (const { rules = [] } of updatedPermissions) {
      for (const { toolName } of rules) this.#allowed.add(String(toolName))
    }
  }
}
