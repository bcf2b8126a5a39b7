/** A reader that subscribes by hand, with whatever it likes, and tells all that it hears. */
import type { CurveSession } from './curve.ts'

export class ReaderPeer {
  readonly session: CurveSession

  constructor(session: CurveSession) {
    this.session = session
  }

  /** As old peers do: a message that begins with 1. */
  subscribe(what: string | Buffer): void {
    this.session.send([Buffer.concat([Buffer.of(1), Buffer.from(what)])])
  }

  unsubscribe(what: string): void {
    this.session.send([Buffer.concat([Buffer.of(0), Buffer.from(what)])])
  }

  /** As peers of ZMTP 3.1 do. */
  subscribeByCommand(what: string): void {
    this.session.command('SUBSCRIBE', Buffer.from(what))
  }

  /**
   * The topics of all that came before something of `topic` did. What is published goes to each pipe in its
   * order, so this waits for what should not come without waiting for long.
   */
  async topicsBefore(topic: string): Promise<readonly string[]> {
    const topics: string[] = []
    for (;;) {
      const message = await this.session.receive()
      if (!message) throw new Error('closed')
      const heard = message[0]?.toString('latin1') ?? ''
      if (heard === topic) return topics
      topics.push(heard)
    }
  }
}
