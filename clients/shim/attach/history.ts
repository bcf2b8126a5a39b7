/** The newest lines of an agent, within the limits that the protocol has for what it sends at first. */
import type { Line } from './output-lines.ts'

export const MAX_HISTORY_LINES = 10_000
export const MAX_HISTORY_BYTES = 1_048_576

export class History {
  #lines: { readonly line: Line; readonly bytes: Buffer }[] = []
  #bytes = 0

  get count(): number {
    return this.#lines.length
  }

  add(line: Line): void {
    const bytes = Buffer.from(line.text)
    this.#lines.push({ line, bytes })
    this.#bytes += bytes.length
    if (this.#lines.length > 2 * MAX_HISTORY_LINES || this.#bytes > 2 * MAX_HISTORY_BYTES)
      this.trim()
  }

  /** Drops the oldest until both limits hold. */
  trim(): void {
    let drop = Math.max(0, this.#lines.length - MAX_HISTORY_LINES)
    let kept = this.#lines.slice(drop).reduce((sum, { bytes }) => sum + bytes.length, 0)
    for (; kept > MAX_HISTORY_BYTES; drop += 1) kept -= this.#lines[drop]?.bytes.length ?? 0
    this.#lines = this.#lines.slice(drop)
    this.#bytes = kept
  }

  /** The payload of `historical_output`. */
  payload(wallMs: number) {
    const of = (stream: Line['stream']): Buffer[] =>
      this.#lines.filter(({ line }) => line.stream === stream).map(({ bytes }) => bytes)
    const [stdout, stderr] = [of('stdout'), of('stderr')]
    const seconds = (ms: number | undefined): number => Math.floor((ms ?? wallMs) / 1000)
    return {
      stdout: stdout.map((bytes) => bytes.toString('base64')),
      stderr: stderr.map((bytes) => bytes.toString('base64')),
      timestamp_start: seconds(this.#lines[0]?.line.time),
      timestamp_end: seconds(this.#lines.at(-1)?.line.time),
      stdout_bytes: sum(stdout),
      stderr_bytes: sum(stderr),
    }
  }
}

function sum(all: readonly Buffer[]): number {
  return all.reduce((total, { length }) => total + length, 0)
}
