/** The `session/update` notifications of an ACP agent: what happens in a turn, while it happens. */
import { usageOf } from './acp-outcome.ts'
import { type AcpTools, blockText } from './acp-tools.ts'
import type { BackendEvent } from './backend.ts'
import type { Diagnostics } from './diagnostics.ts'
import { type JsonRecord, numberAt, recordAt, recordsAt, stringAt } from './json.ts'

export interface UpdatesPort {
  readonly tools: AcpTools
  /** The conversation has a past, of which the cost is not known here. */
  readonly isResumed: boolean
  readonly diagnostics: Diagnostics
  emit(event: BackendEvent): void
}

/** Updates that carry nothing for a reader. */
const QUIET = new Set([
  'user_message_chunk',
  'available_commands_update',
  'current_mode_update',
  'config_option_update',
  'session_info_update',
  'compaction_update',
])

const MARKS: Readonly<Record<string, string>> = { completed: 'x', in_progress: '~' }

export class AcpUpdates {
  readonly #port: UpdatesPort
  /** What the conversation has cost, US dollars; undefined while the agent has not said. */
  #totalUsd: number | undefined
  /** What it had cost when the turn began. */
  #earlierUsd: number | undefined

  readonly #kinds: Readonly<Record<string, (update: JsonRecord) => void>> = {
    agent_message_chunk: (update) => this.#text('text', update),
    agent_thought_chunk: (update) => this.#text('thinking', update),
    compaction_summary_chunk: (update) => this.#text('thinking', update),
    tool_call: (update) => this.#port.tools.update(update),
    tool_call_update: (update) => this.#port.tools.update(update),
    plan: (update) => this.#plan(update),
    usage_update: (update) => this.#cost(update),
    notice: (update) => this.#port.diagnostics.tell(`notice: ${noticeText(update)}`),
  }

  constructor(port: UpdatesPort) {
    this.#port = port
    this.#earlierUsd = port.isResumed ? undefined : 0
  }

  turnBegins(): void {
    this.#earlierUsd = this.#totalUsd ?? this.#earlierUsd
  }

  update(update: JsonRecord): void {
    const kind = stringAt(update, 'sessionUpdate') ?? ''
    const known = Object.hasOwn(this.#kinds, kind) ? this.#kinds[kind] : undefined
    if (known !== undefined) known(update)
    else if (!QUIET.has(kind)) this.#port.diagnostics.once(`update ${kind}`)
  }

  /** One that comes while no turn runs: an agent has nothing to say then. */
  late(update: JsonRecord): void {
    const kind = stringAt(update, 'sessionUpdate') ?? ''
    if (kind === 'usage_update') this.#cost(update)
    else if (Object.hasOwn(this.#kinds, kind)) {
      this.#port.diagnostics.once(`update ${kind} outside of a turn`)
    }
  }

  /** The account of the turn that ends with this answer. */
  usage(result: JsonRecord): BackendEvent | undefined {
    const total = this.#totalUsd
    const earlier = this.#earlierUsd
    const isKnown = total !== undefined && earlier !== undefined
    return usageOf(result, isKnown ? Math.max(0, total - earlier) : undefined)
  }

  #text(type: 'text' | 'thinking', update: JsonRecord): void {
    const content = blockText(recordAt(update, 'content') ?? {})
    if (content !== '') this.#port.emit({ type, content })
  }

  /** A plan is told whole each time; it belongs to the reasoning. */
  #plan(update: JsonRecord): void {
    const lines = recordsAt(update, 'entries').map((entry) => {
      const mark = MARKS[stringAt(entry, 'status') ?? ''] ?? ' '
      return `- [${mark}] ${stringAt(entry, 'content') ?? ''}\n`
    })
    if (lines.length > 0) this.#port.emit({ type: 'thinking', content: `Plan:\n${lines.join('')}` })
  }

  /** Told as the cost of the whole conversation. */
  #cost(update: JsonRecord): void {
    const cost = recordAt(update, 'cost')
    const amount = cost && numberAt(cost, 'amount')
    if (cost === undefined || amount === undefined || stringAt(cost, 'currency') !== 'USD') return
    this.#totalUsd = amount
  }
}

function noticeText(update: JsonRecord): string {
  return stringAt(update, 'message') ?? blockText(recordAt(update, 'content') ?? {})
}
