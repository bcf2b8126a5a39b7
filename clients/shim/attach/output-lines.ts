/** What an agent wrote as lines, made of the chunks of its stream. Pure. */
import type { StreamItem } from '../../sdk/index.ts'

export interface Line {
  readonly stream: 'stdout' | 'stderr'
  /** With its newline. */
  readonly text: string
  /** Ms since 1970. */
  readonly time: number
}

/** Characters of a line that has not ended; a longer one is passed on in pieces. */
const MAX_OPEN = 65_536

/** An answer comes in pieces: a line is whole at its newline, or when the turn or the process ends. */
export class LineAssembler {
  #open = ''
  #time = 0

  take(item: StreamItem): readonly Line[] {
    switch (item.type) {
      case 'text':
        return this.#text(item.content, item.time)
      case 'stderr':
        return [{ stream: 'stderr', text: `${item.content}\n`, time: item.time }]
      case 'turn_complete':
      case 'complete':
        return this.#flush('\n')
      default:
        return []
    }
  }

  #text(content: string, time: number): readonly Line[] {
    const begun = this.#open === '' ? time : this.#time
    const pieces = `${this.#open}${content}`.split('\n')
    this.#open = pieces.pop() ?? ''
    this.#time = pieces.length === 0 ? begun : time
    const lines = pieces.map((piece, index) => {
      return { stream: 'stdout', text: `${piece}\n`, time: index === 0 ? begun : time } as const
    })
    return this.#open.length > MAX_OPEN ? [...lines, ...this.#flush('')] : lines
  }

  #flush(end: string): readonly Line[] {
    const text = this.#open
    this.#open = ''
    return text === '' ? [] : [{ stream: 'stdout', text: text + end, time: this.#time }]
  }
}
