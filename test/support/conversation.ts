/** A CLI as a host runs it, without the host: its backend, a driver, a real child process; recorded. */
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type {
  ApprovalAnswer,
  Backend,
  BackendEvent,
  Driver,
  StartOptions,
} from '../../agent-host/backends/backend.ts'
import { ChildProcess } from '../../agent-host/process/child-process.ts'
import { killNow } from '../../agent-host/process/stop.ts'
import { freshMarkers, timers, tree } from './processes.ts'
import { asEntry, type Entry, type Transcript } from './transcript.ts'

export interface Talk {
  readonly backend: Backend
  readonly command: string
  /** The environment of the child, apart from what the options add. */
  readonly env?: Readonly<Record<string, string>>
  readonly options?: Partial<StartOptions>
  readonly maxLineBytes?: number
}

type EventOf<T extends BackendEvent['type']> = Extract<BackendEvent, { type: T }>

export class Conversation {
  readonly child: ChildProcess
  readonly driver: Driver
  readonly events: BackendEvent[] = []
  readonly overflows: number[] = []
  readonly options: StartOptions
  readonly #entries: Entry[] = []
  readonly #waiting = new Set<() => void>()
  #ids = 0

  /** Begins it; the child is gone at the end of the test. */
  static async begin(t: Test, talk: Talk): Promise<Conversation> {
    const options: StartOptions = {
      session: 's',
      cwd: process.cwd(),
      env: {},
      nativeSessionId: randomUUID(),
      resume: false,
      ...talk.options,
    }
    const launch = talk.backend.launch(talk.command, options)
    const { maxLineBytes } = talk
    let conversation: Conversation | undefined
    const child = await ChildProcess.start(
      {
        ...launch,
        ...(maxLineBytes !== undefined && { maxLineBytes }),
        env: { ...talk.env, ...launch.env },
        backend: talk.backend.name,
        cwd: options.cwd,
        markers: freshMarkers(t),
      },
      {
        line: ({ text }) => {
          if (conversation) conversation.#line(text)
        },
        overflow: (bytes) => conversation?.overflows.push(bytes),
        error: () => {},
      },
    )
    conversation = new Conversation(talk.backend, options, child)
    t.teardown(() => killNow(child, { tree, timers }))
    conversation.#begin()
    return conversation
  }

  private constructor(backend: Backend, options: StartOptions, child: ChildProcess) {
    this.child = child
    this.options = options
    this.driver = backend.drive(options, {
      writeLine: (line) => {
        this.#entries.push({ in: asEntry(line) })
        child.write(line)
      },
      endInput: () => child.closeStdin(),
      signal: (name) => {
        child.signalGroup(name)
      },
      after: (ms, run) => timers.after(ms, run),
      // Counted, so that a player gives the same ones.
      newId: () => `id-${++this.#ids}`,
      emit: (event) => {
        this.events.push(event)
        for (const look of this.#waiting) look()
      },
    })
  }

  get transcript(): Transcript {
    const { session: _session, cwd: _cwd, env: _env, ...rest } = this.options
    const { nativeSessionId, resume, ...options } = rest
    return { opening: { nativeSessionId, resume, options }, entries: this.#entries }
  }

  prompt(text: string): void {
    this.#entries.push({ do: 'prompt', text })
    this.driver.prompt(text)
  }

  interrupt(): void {
    this.#entries.push({ do: 'interrupt' })
    this.driver.interrupt()
  }

  answer(approval: string, answer: ApprovalAnswer): boolean {
    this.#entries.push({ do: 'answer', approval, answer })
    return this.driver.answer(approval, answer)
  }

  setMode(mode: string, done: (refusal: string | undefined) => void): void {
    this.#entries.push({ do: 'mode', mode })
    this.driver.setMode?.(mode, done)
  }

  /** The first event of this type from this place on. */
  next<T extends BackendEvent['type']>(type: T, from = 0): Promise<EventOf<T>> {
    return new Promise((resolve) => {
      let at = from
      const look = (): void => {
        for (let event = this.events[at]; event !== undefined; event = this.events[++at]) {
          if (event.type !== type) continue
          this.#waiting.delete(look)
          resolve(event as EventOf<T>)
          return
        }
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** Prompts, and gives the events of the turn once it has ended. */
  async turn(text: string): Promise<BackendEvent[]> {
    const from = this.events.length
    this.prompt(text)
    await this.next('turn_end', from)
    return this.events.slice(from)
  }

  /** The process is gone, and the driver knows. */
  async kill(): Promise<void> {
    this.child.signalGroup('SIGKILL')
    await this.child.exited
  }

  #begin(): void {
    void this.child.exited.then(() => {
      this.#entries.push({ do: 'end' })
      this.driver.ended()
    })
    this.#entries.push({ do: 'start' })
    this.driver.started()
  }

  #line(text: string): void {
    this.#entries.push({ out: asEntry(text) })
    this.driver.line(text)
  }
}

/** What the events of one type say, put together. */
export function said(events: readonly BackendEvent[], type: 'text' | 'thinking' = 'text'): string {
  return events.map((event) => (event.type === type ? event.content : '')).join('')
}

export function eventsOf<T extends BackendEvent['type']>(
  events: readonly BackendEvent[],
  type: T,
): EventOf<T>[] {
  return events.filter((event): event is EventOf<T> => event.type === type)
}
