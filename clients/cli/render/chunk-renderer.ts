/** Turns the items of a stream into text for people. Pure: gives text back, writes nothing. */
import type { StreamItem } from '../../sdk/index.ts'
import { requestLine, settledLine } from './approval-lines.ts'
import { endLine, gapLine, promptLines, unknownLine } from './conversation-lines.ts'
import { safeText } from './safe-text.ts'
import type { Style } from './style.ts'
import { callLine, resultLines } from './tool-lines.ts'
import { TurnSummary } from './turn-summary.ts'

export interface RenderOptions {
  readonly style: Style
  /** Makes control characters harmless; a file gets the text as it came. */
  readonly isTerminal: boolean
  readonly thinking: boolean
  readonly tools: boolean
  /** Prompts are shown, unless the user has just typed them here. */
  readonly prompts: boolean
  /** Every change of status, not only those that matter to a conversation. */
  readonly statuses: boolean
}

/** What the last written characters belong to; pieces of one block are joined without a break. */
type Block = 'none' | 'text' | 'thinking'

const QUIET_STATUSES: ReadonlySet<string> = new Set(['starting', 'idle', 'running', 'stopping'])
const THINKING_MARK = '✻ '

export class ChunkRenderer {
  readonly #options: RenderOptions
  readonly #tools = new Map<string, { name: string; isShown: boolean }>()
  readonly #summary = new TurnSummary()
  #block: Block = 'none'
  #isAtLineStart = true
  #lastTool = ''

  constructor(options: RenderOptions) {
    this.#options = options
  }

  /** Whether the next text begins a line of its own. */
  get isAtLineStart(): boolean {
    return this.#isAtLineStart
  }

  render(item: StreamItem): string {
    this.#summary.note(item)
    switch (item.type) {
      case 'text':
        return this.#piece('text', item.content)
      case 'thinking':
        return this.#options.thinking ? this.#piece('thinking', item.content) : ''
      case 'tool_use_start':
        this.#tools.set(item.tool_id, { name: item.tool_name, isShown: false })
        return ''
      case 'tool_use_input':
        return this.#call(item.tool_id, item.input)
      case 'tool_result':
        return this.#result(item.tool_id, item.result, item.is_error)
      default:
        return this.#line(item)
    }
  }

  /** Ends an open line, so that something else can be written. */
  breakLine(): string {
    this.#block = 'none'
    if (this.#isAtLineStart) return ''
    this.#isAtLineStart = true
    return '\n'
  }

  #line(item: Exclude<StreamItem, { type: 'text' | 'thinking' | `tool_${string}` }>): string {
    const { style, prompts, statuses } = this.#options
    switch (item.type) {
      case 'prompt':
        return prompts ? this.#lines(promptLines(this.#safe(item.text), style)) : ''
      case 'turn_complete':
        return this.#openCalls() + this.#lines([this.#summary.line(item, style), ''])
      case 'status': {
        const isNews = statuses || item.paused !== undefined || !QUIET_STATUSES.has(item.status)
        return isNews ? this.#lines([style.dim(this.#safe(statusLine(item)))]) : ''
      }
      case 'stderr':
        return this.#lines([style.dim(this.#safe(`stderr: ${item.content}`))])
      case 'error': {
        const retrying = item.retrying === true ? ' (trying again)' : ''
        return this.#lines([style.red(this.#safe(`✗ ${item.message}${retrying}`))])
      }
      case 'approval_request':
        return this.#lines([requestLine(item, style)])
      case 'approval_settled':
        return this.#lines([settledLine(item, style)])
      case 'complete':
        return this.#lines([endLine(item, style)])
      case 'gap':
        return this.#lines([gapLine(item, style)])
      case 'usage':
        return ''
      default:
        return this.#lines([unknownLine(item, style)])
    }
  }

  #piece(block: 'text' | 'thinking', content: string): string {
    if (content === '') return ''
    const begin = this.#block === block ? '' : this.breakLine()
    const mark = block === 'thinking' && this.#block !== block ? THINKING_MARK : ''
    this.#block = block
    this.#isAtLineStart = content.endsWith('\n')
    const text = mark + this.#safe(content)
    return begin + (block === 'thinking' ? this.#options.style.dim(text) : text)
  }

  #call(id: string, input: unknown): string {
    const known = this.#tools.get(id)
    const name = known?.name ?? 'tool'
    this.#tools.set(id, { name, isShown: true })
    this.#lastTool = id
    if (!this.#options.tools) return ''
    return this.#lines([callLine(name, input, this.#options.style)])
  }

  #result(id: string, result: string, isError: boolean): string {
    const tool = this.#tools.get(id)
    this.#tools.delete(id)
    if (!this.#options.tools) return ''
    const begin = tool?.isShown === false ? this.#call(id, undefined) : ''
    this.#tools.delete(id)
    const label = this.#lastTool === id ? '' : `${tool?.name ?? 'tool'}: `
    return begin + this.#lines(resultLines(label + result, isError, this.#options.style))
  }

  /** Calls whose input never came are shown before their turn ends. */
  #openCalls(): string {
    const open = [...this.#tools].filter(([, tool]) => !tool.isShown)
    const shown = open.map(([id]) => this.#call(id, undefined)).join('')
    this.#tools.clear()
    return shown
  }

  #lines(lines: readonly string[]): string {
    return `${this.breakLine()}${lines.join('\n')}\n`
  }

  #safe(text: string): string {
    return this.#options.isTerminal ? safeText(text) : text
  }
}

function statusLine({ status, reason, paused }: StreamItem & { type: 'status' }): string {
  const why = reason ? `: ${reason}` : ''
  return paused === 'freeze'
    ? `· session frozen${why}`
    : `· session ${paused ? 'paused' : status}${why}`
}
