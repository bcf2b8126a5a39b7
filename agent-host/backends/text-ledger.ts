/**
 * What of the model's text has been published, so that nothing comes out twice. Claude Code sends
 * each block as deltas and then once more as a whole, and after a dropped stream it sends all of it
 * again (2.1.330). Pure bookkeeping: it answers what is new, and publishes nothing itself.
 */

export type TextKind = 'text' | 'thinking'

/** What is to be published of a piece that came in. */
export interface News {
  /** Empty when all of it was published before. */
  readonly content: string
  /** It contradicts what was published before, which cannot be taken back. */
  readonly differs: boolean
}

interface Block {
  readonly index: number
  readonly kind: TextKind
  /** All that the reader has of this block. */
  text: string
}

interface Message {
  readonly blocks: Block[]
  /** Whole blocks that came, by kind; the n-th of a kind is the n-th that was streamed. */
  readonly wholes: Record<TextKind, number>
}

/** Messages of one turn that may still be told as a whole; older ones have been. */
const KEPT_MESSAGES = 8

export class TextLedger {
  readonly #messages = new Map<string, Message>()
  #streamed: { readonly message: Message; done: boolean } | undefined
  /** Published, then abandoned by the CLI: expected to come again. */
  readonly #again: Record<TextKind, string> = { text: '', thinking: '' }

  /** A new message begins to stream. One that did not end was dropped without a word. */
  streamStart(messageId: string): void {
    this.abandon(0)
    this.#streamed = { message: this.#message(messageId), done: false }
  }

  /** The next piece of a streamed block. */
  delta(index: number, kind: TextKind, piece: string): News {
    this.#streamed ??= { message: this.#message(''), done: false }
    const { blocks } = this.#streamed.message
    let block = blocks.find((one) => one.index === index && one.kind === kind)
    if (block === undefined) {
      block = { index, kind, text: '' }
      blocks.push(block)
    }
    block.text += piece
    return this.#new(kind, piece)
  }

  /** A block as a whole: what of it was not streamed. */
  whole(messageId: string, kind: TextKind, text: string): News {
    const message = this.#message(messageId)
    const place = message.wholes[kind]++
    const block = message.blocks.filter((one) => one.kind === kind)[place]
    if (block === undefined) {
      message.blocks.push({ index: message.blocks.length, kind, text })
      return this.#new(kind, text)
    }
    if (!text.startsWith(block.text)) {
      // Without ids it is only a guess that they are the same.
      return messageId === '' ? this.#new(kind, text) : { content: '', differs: true }
    }
    const rest = text.slice(block.text.length)
    block.text = text
    return this.#new(kind, rest)
  }

  /** The streamed message is complete. Tells whether it left out what was published before. */
  streamEnd(): News {
    if (this.#streamed !== undefined) this.#streamed.done = true
    return this.#forget()
  }

  /** The CLI drops the blocks from this index on and is going to ask for them again. */
  abandon(fromIndex: number): void {
    if (this.#streamed === undefined || this.#streamed.done) return
    this.#streamed.done = true
    for (const kind of ['text', 'thinking'] as const) {
      const dropped = this.#streamed.message.blocks.filter(
        (block) => block.kind === kind && block.index >= fromIndex,
      )
      // What an earlier attempt published and this one did not reach stays published too.
      this.#again[kind] = dropped.map((block) => block.text).join('') + this.#again[kind]
    }
  }

  /** The turn is over. */
  clear(): void {
    this.#messages.clear()
    this.#streamed = undefined
    this.#forget()
  }

  #forget(): News {
    const differs = this.#again.text !== ''
    this.#again.text = ''
    this.#again.thinking = ''
    return { content: '', differs }
  }

  /** The part of a piece that goes beyond what is expected to come again. */
  #new(kind: TextKind, piece: string): News {
    const expected = this.#again[kind]
    if (expected.startsWith(piece)) {
      this.#again[kind] = expected.slice(piece.length)
      return { content: '', differs: false }
    }
    this.#again[kind] = ''
    const common = commonLength(expected, piece)
    return { content: piece.slice(common), differs: common < expected.length }
  }

  #message(messageId: string): Message {
    const known = this.#messages.get(messageId)
    if (known !== undefined) return known
    const message: Message = { blocks: [], wholes: { text: 0, thinking: 0 } }
    this.#messages.set(messageId, message)
    const [oldest] = this.#messages.keys()
    if (oldest !== undefined && this.#messages.size > KEPT_MESSAGES) this.#messages.delete(oldest)
    return message
  }
}

function commonLength(a: string, b: string): number {
  let at = 0
  while (at < a.length && at < b.length && a[at] === b[at]) at++
  // Half a surrogate pair in common is nothing in common.
  const half = a.charCodeAt(at - 1)
  return at > 0 && half >= 0xd800 && half < 0xdc00 ? at - 1 : at
}
