/**
 * The questions of Claude Code whether a tool may run (`can_use_tool`, read from 2.1.330): which wait,
 * and what answers look like in its words.
 */
import type { ApprovalAnswer, BackendEvent, DriverPort } from './backend.ts'
import { type JsonRecord, recordsAt, stringAt, toolInput } from './json.ts'
import { type PermissionAnswer, permissionLine } from './stream-json-input.ts'

/** What the model is told when somebody denies and gives no reason. */
const DENIED = 'The user does not want to proceed with this tool use.'

interface Question {
  readonly approval: string
  readonly requestId: string
  readonly input: unknown
  /** What would have to be allowed so that the like is not asked again; may be empty. */
  readonly rules: readonly JsonRecord[]
}

export class StreamJsonApprovals {
  readonly #port: DriverPort
  /** By id of the approval. */
  readonly #waiting = new Map<string, Question>()

  constructor(port: DriverPort) {
    this.#port = port
  }

  ask(requestId: string, request: JsonRecord): void {
    const approval = this.#port.newId()
    const { input = {} } = request
    const rules = rulesOf(request)
    this.#waiting.set(approval, { approval, requestId, input, rules })
    const title = stringAt(request, 'description')
    this.#port.emit({
      type: 'approval',
      approval,
      toolId: stringAt(request, 'tool_use_id') ?? '',
      toolName: stringAt(request, 'tool_name') ?? '',
      input: toolInput(input),
      ...(title !== undefined && { title }),
      options: rules.length > 0 ? ['allow', 'allow_always', 'deny'] : ['allow', 'deny'],
    })
  }

  /** False when the CLI does not wait for it. */
  answer(approval: string, answer: ApprovalAnswer): boolean {
    const question = this.#waiting.get(approval)
    if (!question) return false
    this.#waiting.delete(approval)
    this.#port.writeLine(permissionLine(question.requestId, permission(question, answer)))
    return true
  }

  /** The CLI takes one question back. */
  cancel(requestId: string): void {
    for (const { approval, requestId: asked } of this.#waiting.values()) {
      if (asked === requestId) this.#withdraw(approval, 'the agent took the question back')
    }
  }

  /** The turn has ended, and with it what it asked. */
  close(): void {
    for (const approval of this.#waiting.keys()) this.#withdraw(approval, 'the turn ended')
  }

  #withdraw(approval: string, reason: string): void {
    this.#waiting.delete(approval)
    const event: BackendEvent = { type: 'approval_withdrawn', approval, reason }
    this.#port.emit(event)
  }
}

/**
 * The CLI suggests several things, some of them far wider than the question, such as a mode that accepts
 * every edit. "Always" means rules for the like of this call where there are any, else what there is.
 */
function rulesOf(request: JsonRecord): readonly JsonRecord[] {
  const suggestions = recordsAt(request, 'permission_suggestions')
  const rules = suggestions.filter((one) => stringAt(one, 'type') === 'addRules')
  return rules.length > 0 ? rules : suggestions
}

function permission({ input, rules }: Question, answer: ApprovalAnswer): PermissionAnswer {
  const { decision, message = DENIED, interrupt } = answer
  switch (decision) {
    case 'deny':
      return { behavior: 'deny', message, ...(interrupt === true && { interrupt }) }
    case 'allow_always':
      return { behavior: 'allow', updatedInput: input, updatedPermissions: rules }
    case 'allow':
      return { behavior: 'allow', updatedInput: input }
  }
}
