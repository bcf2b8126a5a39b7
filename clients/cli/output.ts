/**
 * The only writer to the terminal. Knows whether people or programs read (text or JSON), whether
 * colours are welcome, and that a reader may go away in the middle (`| head`).
 */
import type { Writable } from 'node:stream'
import { jsonLine } from '../../protocol/json-line.ts'
import { type Style, stylesFor } from './render/style.ts'

export interface OutputStream extends Writable {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export interface OutputOptions {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly json: boolean
  /** `NO_COLOR` and `TERM` decide on colours (no-color.org). */
  readonly env: Readonly<Record<string, string | undefined>>
}

const PLAIN_WIDTH = 100

export class Output {
  readonly json: boolean
  /** Colours for stdout; plain when it is no terminal. */
  readonly style: Style
  /** Colours for stderr. */
  readonly noteStyle: Style
  readonly #stdout: OutputStream
  readonly #stderr: OutputStream
  readonly #gone = new AbortController()

  constructor(options: OutputOptions) {
    this.#stdout = options.stdout
    this.#stderr = options.stderr
    this.json = options.json
    this.style = stylesFor(isColourful(options.stdout, options.env))
    this.noteStyle = stylesFor(isColourful(options.stderr, options.env))
    this.#stdout.on('error', (error: NodeJS.ErrnoException) => this.#broken(error))
    this.#stderr.on('error', () => this.#gone.abort())
  }

  get isTerminal(): boolean {
    return this.#stdout.isTTY === true
  }

  /** Columns to lay tables out in; unlimited when no terminal says. */
  get columns(): number {
    return this.#stdout.columns ?? (this.isTerminal ? PLAIN_WIDTH : Number.POSITIVE_INFINITY)
  }

  /** For readline, which draws its prompt itself. */
  get terminal(): OutputStream {
    return this.#stdout
  }

  /** Aborted when nobody reads stdout any more: the command may end, and has not failed. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Text as it is. */
  write(text: string): void {
    if (text !== '' && !this.#gone.signal.aborted) this.#stdout.write(text)
  }

  line(text = ''): void {
    this.write(`${text}\n`)
  }

  /** One JSON document, or one record of NDJSON: one line, so that line tools can read it. */
  record(value: unknown): void {
    this.write(jsonLine(value))
  }

  /** A remark that is no result: on stderr, and not for programs. */
  note(text: string): void {
    if (!this.json) this.alert(this.noteStyle.dim(text))
  }

  /** A line on stderr for people and programs alike. */
  alert(text: string): void {
    if (!this.#stderr.destroyed) this.#stderr.write(`${text}\n`)
  }

  /** Resolves when stdout takes more, so that a slow reader never makes this process grow. */
  async drained(): Promise<void> {
    if (!this.#stdout.writableNeedDrain || this.#gone.signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#stdout.once('drain', resolve)
      this.#gone.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  #broken(error: NodeJS.ErrnoException): void {
    this.#gone.abort(error)
  }
}

function isColourful(stream: OutputStream, env: OutputOptions['env']): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}
