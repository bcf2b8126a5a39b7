/** Chat sessions as doors tell each other of them: who starts one tells, who streams them listens. */
export interface ChatSession {
  /** Session id. */
  readonly session: string
  /** Begins at once: hold its chunks until somebody listens, or for the time of `chat_hold_ms`. */
  readonly isHeld: boolean
}

type Listener = (chat: ChatSession) => void

export class Chats {
  readonly #listeners = new Set<Listener>()

  /** Calls the listener for each session that is created or prompted, until the result is called. */
  onChat(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  chatStarted(chat: ChatSession): void {
    for (const listener of this.#listeners) listener(chat)
  }
}
