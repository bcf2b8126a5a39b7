/**
 * The questions of Codex (0.169.0) whether a command may run, a file be changed or a permission be
 * given. Each is a request of the server that waits for one answer, or is withdrawn.
 */
import type { ApprovalDecision } from '../../protocol/messages/chunk.ts'
import type { ApprovalAnswer, BackendEvent } from './backend.ts'
import { entryOf, type JsonRecord, recordAt, stringAt, stringsAt, toolInput } from './json.ts'
import type { RpcRequest } from './json-rpc-peer.ts'

export interface ApprovalPort {
  emit(event: BackendEvent): void
  newId(): string
  /** What the running tool call of this item was given; undefined when none runs. */
  input(itemId: string): unknown
}

interface Kind {
  readonly toolName: string
  readonly input: (params: JsonRecord, port: ApprovalPort) => unknown
  readonly always: (params: JsonRecord) => boolean
  readonly response: (answer: ApprovalAnswer, params: JsonRecord) => JsonRecord
}

/**
 * `decline` is taken though `availableDecisions` may leave it out (*seen*). "Always" is for the rest of
 * the session; what would write a rule into the user's own config is not offered.
 */
function decision({ decision: wish, interrupt }: ApprovalAnswer): JsonRecord {
  if (wish === 'allow') return { decision: 'accept' }
  if (wish === 'allow_always') return { decision: 'acceptForSession' }
  return { decision: interrupt === true ? 'cancel' : 'decline' }
}

const KINDS: Readonly<Record<string, Kind>> = {
  'item/commandExecution/requestApproval': {
    toolName: 'commandExecution',
    input: ({ command, cwd }) => ({ command, cwd }),
    always: (params) => stringsAt(params, 'availableDecisions').includes('acceptForSession'),
    response: decision,
  },
  'item/fileChange/requestApproval': {
    toolName: 'fileChange',
    input: (params, port) => port.input(stringAt(params, 'itemId') ?? '') ?? {},
    always: () => true,
    response: decision,
  },
  'item/permissions/requestApproval': {
    toolName: 'permissions',
    input: ({ permissions, cwd }) => ({ permissions, cwd }),
    always: () => true,
    response: permissionGrant,
  },
}

/** Nothing is granted by granting nothing: there is no word for a denial. */
function permissionGrant({ decision: wish }: ApprovalAnswer, params: JsonRecord): JsonRecord {
  if (wish === 'deny') return { permissions: {}, scope: 'turn' }
  const asked = Object.entries(recordAt(params, 'permissions') ?? {})
  const permissions = Object.fromEntries(asked.filter(([, value]) => value !== null))
  return { permissions, scope: wish === 'allow_always' ? 'session' : 'turn' }
}

interface Question {
  readonly request: RpcRequest
  readonly kind: Kind
  readonly options: readonly ApprovalDecision[]
}

export class CodexApprovals {
  readonly #port: ApprovalPort
  /** By the id that was given out; as many as the peer lets wait. */
  readonly #open = new Map<string, Question>()

  constructor(port: ApprovalPort) {
    this.#port = port
  }

  /** False for a request that is no such question. */
  ask(request: RpcRequest): boolean {
    const kind = entryOf(KINDS, request.method)
    if (kind === undefined) return false
    const { params } = request
    const approval = this.#port.newId()
    const title = stringAt(params, 'reason')
    const options = kind.always(params)
      ? (['allow', 'allow_always', 'deny'] as const)
      : (['allow', 'deny'] as const)
    this.#open.set(approval, { request, kind, options })
    this.#port.emit({
      type: 'approval',
      approval,
      toolId: stringAt(params, 'itemId') ?? '',
      toolName: kind.toolName,
      input: toolInput(kind.input(params, this.#port)),
      ...(title !== undefined && { title }),
      options,
    })
    return true
  }

  /** A decision that was not offered is none. */
  answer(approval: string, answer: ApprovalAnswer): boolean {
    const question = this.#open.get(approval)
    if (!question?.options.includes(answer.decision)) return false
    this.#open.delete(approval)
    return question.request.answer(question.kind.response(answer, question.request.params))
  }

  /** Codex needs no answer any more; also said of questions that were answered. */
  resolved(requestId: unknown): void {
    this.#withdraw(({ request }) => request.id === requestId, 'the agent no longer asks')
  }

  /** The turn is over, and its questions with it. */
  close(reason: string): void {
    this.#withdraw(() => true, reason)
  }

  #withdraw(which: (question: Question) => boolean, reason: string): void {
    for (const [approval, question] of this.#open) {
      if (!which(question)) continue
      this.#open.delete(approval)
      question.request.drop()
      this.#port.emit({ type: 'approval_withdrawn', approval, reason })
    }
  }
}
