/** Where the lines of a conversation come from: a terminal with a prompt, or a pipe. */
import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline'
import type { Interrupts } from '../interrupts.ts'
import type { Output } from '../output.ts'

/** Whether the agent's text is at the start of a line, before and after what is written now. */
export interface LinePlace {
  readonly before: boolean
  readonly after: boolean
}

export interface LineSource {
  /** The next line; undefined at the end of input, or when the signal aborts. */
  next(signal: AbortSignal, prompt?: string): Promise<string | undefined>
  /** Writes text of the agent so that it does not mix with what the user types. */
  interject(text: string, place: LinePlace): void
  close(): void
}

/** One line after another, for scripts. */
export class PipeLines implements LineSource {
  readonly #lines: Interface
  readonly #iterator: AsyncIterator<string>
  readonly #input: NodeJS.ReadStream

  readonly #output: Output

  constructor(input: NodeJS.ReadStream, output: Output) {
    this.#input = input
    this.#output = output
    this.#lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
    this.#iterator = this.#lines[Symbol.asyncIterator]()
  }

  async next(signal: AbortSignal): Promise<string | undefined> {
    const line = await Promise.race([this.#iterator.next(), aborted(signal)])
    return line === undefined || line.done ? undefined : line.value
  }

  interject(text: string): void {
    this.#output.write(text)
  }

  close(): void {
    this.#lines.close()
    this.#input.destroy() // a pipe that its writer keeps open would keep this process alive
  }
}

const HISTORY_SIZE = 200
const PROMPT = '› '

/**
 * A readline for each question, closed in between: while the agent writes the terminal is in its
 * usual mode, so that Ctrl-C is a signal and what is typed ahead waits in the terminal.
 */
export class TerminalLines implements LineSource {
  readonly #input: NodeJS.ReadStream
  readonly #output: Output
  readonly #interrupts: Interrupts
  readonly #ready: string[] = []
  #reading: Promise<unknown> = Promise.resolve()
  #history: string[] = []
  #open: Interface | undefined

  constructor(input: NodeJS.ReadStream, output: Output, interrupts: Interrupts) {
    this.#input = input
    this.#output = output
    this.#interrupts = interrupts
  }

  /** One prompt at a time: who is called off gives the terminal back before the next one takes it. */
  next(signal: AbortSignal, prompt = PROMPT): Promise<string | undefined> {
    const line = this.#reading.then(() => this.#next(signal, prompt))
    this.#reading = line.catch(() => undefined)
    return line
  }

  async #next(signal: AbortSignal, prompt: string): Promise<string | undefined> {
    const ready = this.#ready.shift()
    if (ready !== undefined || signal.aborted) return ready
    const lines = this.#openInterface(prompt)
    const ended = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)))
    const line = new Promise<void>((resolve) => lines.once('line', () => resolve()))
    await Promise.race([line, ended, aborted(signal)])
    // Lines that were pasted together arrive together: let them all come in before closing.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#ready.length === 0) this.close()
    else this.#end()
    return this.#ready.shift()
  }

  interject(text: string, place: LinePlace): void {
    if (this.#open && place.before) this.#clearPrompt()
    this.#output.write(text)
    if (this.#open && place.after) this.#open.prompt(true)
  }

  close(): void {
    if (!this.#open) return
    this.#clearPrompt()
    this.#end()
  }

  #end(): void {
    this.#open?.close()
    this.#open = undefined
  }

  #clearPrompt(): void {
    clearLine(this.#output.terminal, 0)
    cursorTo(this.#output.terminal, 0)
  }

  #openInterface(prompt: string): Interface {
    const lines = createInterface({
      input: this.#input,
      output: this.#output.terminal,
      prompt,
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
