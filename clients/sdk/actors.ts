/** The client itself and the users that it acts for: what each follows, over the same sockets. */
import type { ProtocolError } from '../../protocol/errors.ts'
import type { WelcomeBody } from '../../protocol/messages/handshake.ts'
import { Acting, type ActingPorts } from './actor.ts'
import type { Caller } from './caller.ts'
import { Feeds } from './feeds.ts'
import { Pipes } from './pipes.ts'
import type { Transport } from './transport.ts'

export interface ActorsOptions extends Omit<ActingPorts, 'user' | 'feeds'> {
  readonly transport: Pick<Transport, 'subscriber'>
  readonly now: () => number
}

export class Actors {
  readonly #options: ActorsOptions
  readonly #pipes: Pipes
  /** Of those who follow something. */
  readonly #feeds = new Map<string | undefined, Feeds>()
  #ended: ProtocolError | undefined
  /** The client. */
  readonly self: Acting

  constructor(options: ActorsOptions) {
    this.#options = options
    this.#pipes = new Pipes(options.transport)
    const { caller } = options
    this.self = new Acting({ ...options, feeds: () => this.#feedsOf(undefined, caller) })
  }

  user(user: string): Acting {
    const caller: Pick<Caller, 'call'> = {
      call: (method, params, options) =>
        this.#options.caller.call(method, params, { ...options, user }),
    }
    return new Acting({ ...this.#options, user, caller, feeds: () => this.#feedsOf(user, caller) })
  }

  /** The link is welcome (again). */
  welcomed({ streams }: WelcomeBody): void {
    this.#pipes.at(streams)
    for (const feeds of this.#feeds.values()) feeds.reopen()
  }

  /** The stream of this ticket is elsewhere now. */
  moved(ticket: string): void {
    for (const feeds of this.#feeds.values()) feeds.moved(ticket)
  }

  tick(now: number): void {
    for (const [user, feeds] of this.#feeds) {
      feeds.tick(now)
      if (feeds.isUnused) this.#feeds.delete(user)
    }
  }

  /** Ends all feeds, telling their readers why. */
  close(error: ProtocolError): void {
    this.#ended = error
    for (const feeds of this.#feeds.values()) feeds.close(error)
    this.#feeds.clear()
    this.#pipes.close()
  }

  #feedsOf(user: string | undefined, caller: Pick<Caller, 'call'>): Feeds {
    const known = this.#feeds.get(user)
    if (known) return known
    const { now, random } = this.#options
    const feeds = new Feeds({ caller, pipes: this.#pipes, now, random })
    if (this.#ended) feeds.close(this.#ended)
    else this.#feeds.set(user, feeds)
    return feeds
  }
}
