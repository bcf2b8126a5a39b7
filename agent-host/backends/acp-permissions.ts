/**
 * The questions of an ACP agent whether a tool may run. Each is answered exactly once: by a decision, by
 * the end of its turn, or by an interrupt, after which the protocol wants `cancelled`.
 */
import type { ApprovalDecision } from '../../protocol/messages/chunk.ts'
import type { AcpTools } from './acp-tools.ts'
import type { ApprovalAnswer, DriverPort } from './backend.ts'
import { type JsonRecord, recordAt, recordsAt, stringAt } from './json.ts'
import type { RpcId, RpcRequest } from './json-rpc-peer.ts'

/** The ids of the agent's options by what they mean; what it does not offer is not there. */
type Choices = ReadonlyMap<ApprovalDecision, string>

interface Question {
  readonly request: RpcRequest
  readonly toolId: string
  readonly choices: Choices
}

/** The kinds of options, in the order in which they are taken for a decision. */
const KINDS: Readonly<Record<ApprovalDecision, readonly string[]>> = {
  allow: ['allow_once'],
  allow_always: ['allow_always'],
  deny: ['reject_once', 'reject_always'],
}

const CANCELLED = { outcome: { outcome: 'cancelled' } }

export interface PermissionOptions {
  readonly tools: AcpTools
  readonly port: DriverPort
  /** Tools that run without asking anybody. */
  readonly allowed: readonly string[]
}

export class AcpPermissions {
  readonly #options: PermissionOptions
  readonly #questions = new Map<string, Question>()

  constructor(options: PermissionOptions) {
    this.#options = options
  }

  ask(request: RpcRequest): void {
    const { tools, port, allowed } = this.#options
    const asked = tools.asked(recordAt(request.params, 'toolCall') ?? {})
    const choices = choicesOf(request.params)
    const once = choices.get('allow')
    if (once !== undefined && allowed.includes(asked.toolName)) {
      request.answer(selected(once))
      return
    }
    const approval = port.newId()
    this.#questions.set(approval, { request, toolId: asked.toolId, choices })
    const { title, ...tool } = asked
    // A denial is always understood: without an option of its own it is the end of the question.
    const options = [...choices.keys()].filter((decision) => decision !== 'deny')
    port.emit({
      type: 'approval',
      approval,
      ...tool,
      ...(title !== undefined && { title }),
      options: [...options, 'deny'],
    })
  }

  /** False when nobody waits for this answer (any more). */
  answer(approval: string, { decision }: ApprovalAnswer): boolean {
    const question = this.#questions.get(approval)
    if (question === undefined) return false
    const { request, choices, toolId } = question
    const choice = choices.get(decision)
    if (choice === undefined && decision !== 'deny') return false // was not offered
    this.#questions.delete(approval)
    if (decision === 'deny') this.#options.tools.denied(toolId)
    return request.answer(choice === undefined ? CANCELLED : selected(choice))
  }

  /** The agent takes one question back. */
  withdraw(id: RpcId, reason: string): void {
    for (const [approval, { request }] of this.#questions) {
      if (request.id === id) this.#withdraw(approval, reason)
    }
  }

  /** Nobody shall answer any of them any more. */
  withdrawAll(reason: string): void {
    for (const approval of this.#questions.keys()) this.#withdraw(approval, reason)
  }

  #withdraw(approval: string, reason: string): void {
    this.#questions.get(approval)?.request.answer(CANCELLED)
    this.#questions.delete(approval)
    this.#options.port.emit({ type: 'approval_withdrawn', approval, reason })
  }
}

/** For a question that nobody is asked. */
export function cancel(request: RpcRequest): void {
  request.answer(CANCELLED)
}

function selected(optionId: string): JsonRecord {
  return { outcome: { outcome: 'selected', optionId } }
}

function choicesOf(params: JsonRecord): Choices {
  const offered = recordsAt(params, 'options')
  const choices = new Map<ApprovalDecision, string>()
  for (const [decision, kinds] of Object.entries(KINDS)) {
    for (const kind of kinds) {
      const option = offered.find((one) => stringAt(one, 'kind') === kind)
      const id = option && stringAt(option, 'optionId')
      if (id === undefined || choices.has(decision as ApprovalDecision)) continue
      choices.set(decision as ApprovalDecision, id)
    }
  }
  return choices
}
