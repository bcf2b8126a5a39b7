/**
 * A program that reads lines and writes lines. The prompt goes in as it is, each line of output is text,
 * and a turn ends by the rule of its config. Pure but for the timer that its port gives.
 */
import type { Driver, DriverPort } from './backend.ts'
import { STDIO_DEFAULTS, type StdioCommand } from './stdio-command.ts'

export class StdioDriver implements Driver {
  readonly #program: StdioCommand
  readonly #port: DriverPort
  #isRunning = false
  #isInterrupted = false
  #callOff = (): void => {}

  constructor(program: StdioCommand, port: DriverPort) {
    this.#program = program
    this.#port = port
  }

  /** Whether it listens cannot be known; what it does not read waits in its pipe. */
  started(): void {
    this.#port.emit({ type: 'ready' })
  }

  prompt(text: string): void {
    this.#isRunning = true
    this.#isInterrupted = false
    this.#port.writeLine(text)
    if (this.#rule === 'exit') this.#port.endInput()
  }

  /** Output while no turn runs is passed on as well: it may be late, and it may be a greeting. */
  line(text: string): void {
    if (this.#rule === 'line' && text === this.#program.end_line) {
      if (this.#isRunning) this.#endTurn()
      return
    }
    this.#port.emit({ type: 'text', content: `${text}\n` })
    if (this.#rule === 'idle' || this.#isInterrupted) this.#endWhenSilent()
  }

  /** Whatever the rule, a silence after SIGINT ends the turn: a program may forget its last line. */
  interrupt(): void {
    if (!this.#isRunning || this.#isInterrupted) return
    if (this.#program.interrupt !== true) {
      const message = 'this program cannot be interrupted: its config does not say that SIGINT does'
      this.#port.emit({ type: 'diagnostic', message })
      return
    }
    this.#isInterrupted = true
    this.#port.signal('SIGINT')
    if (this.#rule !== 'exit') this.#endWhenSilent()
  }

  answer(): boolean {
    return false
  }

  ended(): void {
    this.#callOff()
    if (!this.#isRunning) return
    this.#isRunning = false
    const reason = this.#isInterrupted ? 'interrupted' : 'end_turn'
    this.#port.emit({ type: 'turn_end', reason: this.#rule === 'exit' ? reason : 'gone' })
  }

  get #rule() {
    return this.#program.turn_end ?? 'idle'
  }

  #endWhenSilent(): void {
    this.#callOff()
    if (!this.#isRunning || this.#rule === 'exit') return
    const ms = this.#program.idle_ms ?? STDIO_DEFAULTS.idleMs
    this.#callOff = this.#port.after(ms, () => this.#endTurn())
  }

  #endTurn(): void {
    this.#callOff()
    this.#isRunning = false
    const reason = this.#isInterrupted ? 'interrupted' : 'end_turn'
    this.#port.emit({ type: 'turn_end', reason })
  }
}
