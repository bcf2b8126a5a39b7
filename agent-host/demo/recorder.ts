/**
 * What the agent really did, for tests that compare it with what readers were shown. The environment
 * variable AGENTMQ_DEMO_RECORD names a directory; without it nothing is written.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export class Recorder {
  readonly #file: number | undefined

  private constructor(file: number | undefined) {
    this.#file = file
  }

  /** One file for each conversation; a resumed one goes on in the same file. */
  static open(session: string): Recorder {
    const { AGENTMQ_DEMO_RECORD: directory } = process.env
    if (!directory) return new Recorder(undefined)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return new Recorder(openSync(join(directory, `${session}.ndjson`), 'a', 0o600))
  }

  /** A prompt begins to be carried out. */
  prompt(text: string): void {
    this.#write({ prompt: text, pid: process.pid })
  }

  /** A piece of text is about to be written; what is killed after this may have said it. */
  piece(text: string): void {
    this.#write({ text })
  }

  #write(line: object): void {
    if (this.#file !== undefined) writeSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}
