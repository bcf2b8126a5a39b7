/**
 * What the model says in a turn of Codex (0.169.0): its answer and its reasoning, each as deltas and
 * then once more as a whole item. After a dropped stream Codex says the item that was cut off again,
 * under another id and without taking the first one back.
 */
import { type News, type TextKind, TextLedger } from './text-ledger.ts'

interface Item {
  /** Its place in the answer of one request to the model. */
  readonly index: number
  text: string
  isDone: boolean
}

/** Items of a turn that are remembered; the text of older ones has long been told. */
export const KEPT_ITEMS = 512

export class CodexText {
  readonly #publish: (kind: TextKind, news: News) => void
  readonly #ledger = new TextLedger()
  readonly #items = new Map<string, Item>()
  #answer = 0
  /** Where in the answer the next item comes; undefined between answers. */
  #next: number | undefined

  constructor(publish: (kind: TextKind, news: News) => void) {
    this.#publish = publish
  }

  delta(itemId: string, kind: TextKind, piece: string): void {
    const item = this.#item(itemId)
    if (item.isDone) return
    item.text += piece
    this.#publish(kind, this.#ledger.delta(item.index, kind, piece))
  }

  /** The next part of a reasoning begins; a reader should see where. */
  part(itemId: string): void {
    if (this.#items.get(itemId)?.text) this.delta(itemId, 'thinking', '\n\n')
  }

  /** The item as a whole: tells what of it was not streamed. Comes once for each. */
  whole(itemId: string, kind: TextKind, text: string): void {
    const item = this.#item(itemId)
    if (item.isDone) return
    const isSame = text.startsWith(item.text)
    if (isSame) this.delta(itemId, kind, text.slice(item.text.length))
    // A reasoning is told in parts that the whole may hold otherwise.
    else if (kind === 'text') this.#publish(kind, { content: '', differs: true })
    item.isDone = true
  }

  /** The stream broke off and Codex asks the model again: what was cut off will be said again. */
  retry(): void {
    const cut = [...this.#items.values()].filter((item) => !item.isDone)
    for (const item of cut) item.isDone = true
    this.#ledger.abandon(cut[0]?.index ?? this.#next ?? 0)
    this.#next = undefined
  }

  /** The model's answer to one request is complete. */
  answered(): void {
    if (this.#next === undefined) return
    this.#publish('text', this.#ledger.streamEnd())
    this.#next = undefined
  }

  /** The turn is over. */
  clear(): void {
    this.#ledger.clear()
    this.#items.clear()
    this.#next = undefined
  }

  #item(id: string): Item {
    const known = this.#items.get(id)
    if (known !== undefined) return known
    if (this.#next === undefined) {
      this.#next = 0
      this.#ledger.streamStart(String(this.#answer++))
    }
    const item = { index: this.#next++, text: '', isDone: false }
    this.#items.set(id, item)
    const [oldest] = this.#items.keys()
    if (oldest !== undefined && this.#items.size > KEPT_ITEMS) this.#items.delete(oldest)
    return item
  }
}
