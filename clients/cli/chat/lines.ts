/** Where the lines of a conversation come from: a terminal with a prompt, or a pipe. */
import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline'
import type { Interrupts } from '../interrupts.ts'
import type { OutputStream } from '../output.ts'

export interface LineSource {
  /** The next line; undefined at the end of input, or when the signal aborts. */
  next(signal: AbortSignal): Promise<string | undefined>
  /** Runs `write` so that it does not mix with what the user types. */
  around(write: () => void, isAtLineStart: () => boolean): void
  close(): void
}

/** One line after another, for scripts. */
export class PipeLines implements LineSource {
  readonly #lines: Interface
  readonly #iterator: AsyncIterator<string>
  readonly #input: NodeJS.ReadStream

  constructor(input: NodeJS.ReadStream) {
    this.#input = input
    this.#lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
    this.#iterator = this.#lines[Symbol.asyncIterator]()
  }

  async next(signal: AbortSignal): Promise<string | undefined> {
    const line = await Promise.race([this.#iterator.next(), aborted(signal)])
    return line === undefined || line.done ? undefined : line.value
  }

  around(write: () => void): void {
    write()
  }

  close(): void {
    this.#lines.close()
    this.#input.destroy() // a pipe that its writer keeps open would keep this process alive
  }
}

const HISTORY_SIZE = 200

/**
 * A readline for each question, closed in between: while the agent writes the terminal is in its
 * usual mode, so that Ctrl-C is a signal and what is typed ahead waits in the terminal.
 */
export class TerminalLines implements LineSource {
  readonly #input: NodeJS.ReadStream
  readonly #output: OutputStream
  readonly #interrupts: Interrupts
  readonly #ready: string[] = []
  #history: string[] = []
  #open: Interface | undefined

  constructor(input: NodeJS.ReadStream, output: OutputStream, interrupts: Interrupts) {
    this.#input = input
    this.#output = output
    this.#interrupts = interrupts
  }

  async next(signal: AbortSignal): Promise<string | undefined> {
    const ready = this.#ready.shift()
    if (ready !== undefined || signal.aborted) return ready
    const lines = this.#openInterface()
    const ended = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)))
    const line = new Promise<void>((resolve) => lines.once('line', () => resolve()))
    await Promise.race([line, ended, aborted(signal)])
    // Lines that were pasted together arrive together: let them all come in before closing.
    await new Promise((resolve) => setImmediate(resolve))
    this.close()
    return this.#ready.shift()
  }

  around(write: () => void, isAtLineStart: () => boolean): void {
    if (this.#open) {
      clearLine(this.#output, 0)
      cursorTo(this.#output, 0)
    }
    write()
    if (this.#open && isAtLineStart()) this.#open.prompt(true)
  }

  close(): void {
    this.#open?.close()
    this.#open = undefined
  }

  #openInterface(): Interface {
    const lines = createInterface({
      input: this.#input,
      output: this.#output,
      prompt: '› ',
      history: this.#history,
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
    })
    lines.on('line', (line) => this.#ready.push(line))
    lines.on('history', (history) => {
      this.#history = history
    })
    lines.on('SIGINT', () => this.#controlC(lines))
    this.#open = lines
    lines.prompt()
    return lines
  }

  /** With something typed, Ctrl-C takes that back, as in a shell. */
  #controlC(lines: Interface): void {
    if (lines.line === '') {
      this.#output.write('\n')
      this.#interrupts.press('SIGINT')
    } else lines.write(null, { ctrl: true, name: 'u' })
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
