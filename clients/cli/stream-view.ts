/** Shows the items of a stream: rendered for people, one JSON record a line for programs. */

import { jsonLine } from '../../protocol/json-line.ts'
import { inReadingOrder } from '../../protocol/messages/chunk-decoding.ts'
import type { StreamItem } from '../sdk/index.ts'
import type { Output } from './output.ts'
import { ChunkRenderer } from './render/chunk-renderer.ts'

export interface ViewOptions {
  readonly thinking?: boolean
  readonly tools?: boolean
  readonly prompts?: boolean
  readonly statuses?: boolean
}

export class StreamView {
  readonly #output: Output
  readonly #renderer: ChunkRenderer

  constructor(output: Output, options: ViewOptions = {}) {
    const { thinking = true, tools = true, prompts = true, statuses = false } = options
    const { style, isTerminal } = output
    this.#output = output
    this.#renderer = new ChunkRenderer({ style, isTerminal, thinking, tools, prompts, statuses })
  }

  get isAtLineStart(): boolean {
    return this.#renderer.isAtLineStart
  }

  show(item: StreamItem): void {
    this.#output.write(this.text(item))
  }

  /** What `show` would write; may be empty. */
  text(item: StreamItem): string {
    return this.#output.json
      ? jsonLine('seq' in item ? inReadingOrder(item) : item)
      : this.#renderer.render(item)
  }

  /** Ends an open line, so that something else can be written. */
  breakLine(): void {
    if (!this.#output.json) this.#output.write(this.#renderer.breakLine())
  }

  /** Resolves when the reader of stdout has caught up. */
  async drained(): Promise<void> {
    await this.#output.drained()
  }
}
