/**
 * One session on this host: a child process, the driver that talks to it, its turns, and its chunks on
 * their way to the broker. Does not know of sockets; `host.ts` sends what the log holds.
 */
import { ProtocolError } from '../protocol/errors.ts'
import type { TurnReason } from '../protocol/messages/chunk.ts'
import type { ProbeEvidence } from '../protocol/methods/control.ts'
import type { WhenBusy } from '../protocol/methods/session.ts'
import type {
  ApprovalAnswer,
  Backend,
  BackendEvent,
  Driver,
  StartOptions,
} from './backends/backend.ts'
import { ChunkLog } from './chunk-log.ts'
import { OpenQuestions } from './open-questions.ts'
import type { Child, Exit, StartChild } from './process/child-process.ts'
import type { Environment } from './process/environment.ts'
import type { Line } from './process/line-reader.ts'
import type { Markers } from './process/markers.ts'
import { killNow, STOP_DEFAULTS, type StopContext, stop, sweepLeftovers } from './process/stop.ts'
import { happensWithin } from './process/timers.ts'
import { Readiness } from './readiness.ts'
import { chunkOf } from './session-chunks.ts'
import { SessionControl } from './session-control.ts'
import { StderrBudget } from './stderr-budget.ts'
import { type Turn, TurnQueue } from './turn-queue.ts'
import { type QuietTimes, Watchdog } from './watchdog.ts'

export interface RunnerOptions {
  readonly session: string
  readonly epoch: number
  readonly backend: Backend
  readonly command: string
  readonly start: StartOptions
  /** The path by which the child enters its directory, good while the start goes on; default: its own. */
  readonly entrance?: string
  /** The whole environment of the child, apart from what the backend adds. */
  readonly env: Environment
  readonly markers: Markers
  readonly startChild: StartChild
  readonly stop: StopContext
  readonly quiet: QuietTimes
  /** Highest turn of earlier lives. */
  readonly highestTurn: number
  readonly newId: () => string
  /** The log has something new. */
  readonly onChunks: () => void
  /** The child wrote something, ms of the monotonic clock are taken by the caller. */
  readonly onProgress: () => void
}

type State = 'starting' | 'ready' | 'ended'

/** A child that has closed its input is mostly about to end by itself, and is given this long, ms. */
const DYING_MS = 1000

export class SessionRunner {
  readonly options: RunnerOptions
  readonly log: ChunkLog
  readonly #turns: TurnQueue
  readonly #driver: Driver
  readonly control: SessionControl
  readonly #questions: OpenQuestions
  readonly #watchdog: Watchdog
  /** The line that is being read says no more than that the CLI tries again. */
  #isRetry = false
  #turnOver: () => void = () => {}
  #child: Child | undefined
  /** What the child was given. */
  #env: Environment = {}
  #state: State = 'starting'
  readonly #stderrBudget = new StderrBudget()
  #isUnwanted = false
  #endReason = ''
  /** When the child last wrote a line, monotonic ms. */
  #heardAt = Number.NEGATIVE_INFINITY
  #nativeSessionId: string
  readonly #readiness = new Readiness()
  #settleEnd: (exit: Exit) => void = () => {}
  /** Resolves when the process is gone, its leftovers are swept and `complete` is in the log. */
  readonly ended = new Promise<Exit>((resolve) => {
    this.#settleEnd = resolve
  })

  constructor(options: RunnerOptions, log: ChunkLog = new ChunkLog()) {
    this.options = options
    this.log = log
    this.#turns = new TurnQueue(options.highestTurn)
    this.#nativeSessionId = options.start.nativeSessionId
    this.#watchdog = this.#watch()
    this.#driver = options.backend.drive(options.start, {
      writeLine: (line) => {
        this.#child?.write(line)
        this.#watchdog.alive()
      },
      emit: (event) => this.#event(event),
      newId: options.newId,
      endInput: () => this.#child?.closeStdin(),
      signal: (name) => {
        this.#child?.signalGroup(name)
      },
      after: (ms, run) => options.stop.timers.after(ms, run),
    })
    this.control = new SessionControl({
      ...{ backend: options.backend, driver: this.#driver, tree: options.stop.tree },
      living: () => this.#living(),
      gone: () => this.#gone(),
      onReleased: () => {
        this.#watchdog.alive()
        this.#nextTurn()
      },
    })
    this.#questions = new OpenQuestions((approval, answer) => this.#driver.answer(approval, answer))
  }

  #watch(): Watchdog {
    const { quiet, stop: context } = this.options
    return new Watchdog(quiet, {
      timers: context.timers,
      isExcused: () =>
        this.#questions.open.length > 0 || this.isPaused || this.control.paused === 'freeze',
      tell: (message) => this.#add({ type: 'error', message, retrying: true }),
      interrupt: () => this.interrupt(),
      stop: (reason) => void this.stop(reason),
    })
  }

  get state(): State {
    return this.#state
  }

  get pid(): number | null {
    return this.#child?.alive === true ? this.#child.pid : null
  }

  /** What is to be seen of it now. */
  evidence(): Omit<ProbeEvidence, 'data'> {
    const quiet = this.options.stop.timers.now() - this.#heardAt
    return {
      pid: this.pid,
      quiet_ms: Number.isFinite(quiet) ? Math.round(quiet) : -1,
      turn: this.#turns.current,
      stdin_bytes: this.#child?.stdinBytes ?? 0,
      held_bytes: this.log.bytes,
    }
  }

  /** What the CLI is resumed by: asked for at the start, unless it has said that it uses another. */
  get nativeSessionId(): string {
    return this.#nativeSessionId
  }

  get highestTurn(): number {
    return this.#turns.highest
  }

  /** Resolves when the CLI can take a prompt. Throws START_FAILED, or CANCELLED; then nothing runs. */
  async begin(signal: AbortSignal): Promise<void> {
    try {
      this.#child = await this.#spawn()
    } catch (thrown) {
      this.#end({ exitCode: null, signal: null })
      throw thrown
    }
    void this.#child.died.then(() => this.resume()) // what is left in its pipe is little, and the last
    void this.#child.exited.then((exit) => this.#exited(exit))
    this.#driver.started()
    await this.#awaitReady(signal)
  }

  #spawn(): Promise<Child> {
    const { backend, command, start, entrance, env, markers, startChild } = this.options
    const launch = backend.launch(command, start)
    this.#env = { ...env, ...launch.env }
    return startChild(
      {
        backend: backend.name,
        command: launch.command,
        args: launch.args,
        cwd: start.cwd,
        ...(entrance !== undefined && { entrance }),
        env: this.#env,
        markers,
      },
      {
        line: (line) => this.#line(line),
        overflow: (bytes) => this.#diagnose(`a line of ${bytes} bytes was too long and left out`),
        stderrLine: (line) => this.#stderr(line),
        error: (error) => void this.#deaf(error),
      },
    )
  }

  async #awaitReady(signal: AbortSignal): Promise<void> {
    if (await this.#readiness.wait(signal)) return
    const stderr = this.#child?.stderr.text() ?? ''
    const told = { backend: this.options.backend.name, stderr, env: this.#env }
    const failure = this.#isUnwanted
      ? new ProtocolError('CANCELLED', {}, { where: 'host' })
      : this.#readiness.failure(signal, told)
    await this.kill()
    throw failure
  }

  prompt(turn: number, text: string, whenBusy: WhenBusy): void {
    this.#living()
    if (!this.#turns.add({ turn, text })) return // given before
    if (whenBusy === 'interrupt') this.interrupt()
    this.#nextTurn()
  }

  /** The child. Throws AGENT_GONE when it has ended. */
  #living(): Child {
    if (this.#child && this.#state !== 'ended') return this.#child
    throw this.#gone()
  }

  #gone(): ProtocolError {
    const { session } = this.options
    return new ProtocolError('AGENT_GONE', { session, how: 'ended' }, { where: 'host' })
  }

  /** The number of the turn that was told to end; 0 when none runs. */
  interrupt(): number {
    const turn = this.#turns.current
    if (turn > 0 && this.#state === 'ready') this.#driver.interrupt()
    return turn
  }

  /** False when the CLI does not wait for this answer (any more); true also for one that it has. */
  answer(approval: string, answer: ApprovalAnswer): boolean {
    return this.#questions.answer(approval, answer)
  }

  /** `reason` is told in the stream when it is not the wish of a reader. One that starts is given up. */
  async stop(reason = ''): Promise<Exit> {
    this.#giveUp(reason)
    this.control.thaw(this.#child)
    if (this.#child && this.#state !== 'ended') {
      this.resume()
      await stop(this.#child, await this.#windDown())
    }
    return this.ended
  }

  /**
   * Lets the running turn end before the input does: some CLIs drop it with the end of their input. Of
   * the time that a child has to end by itself at most half goes by; what is left stands in the answer.
   */
  async #windDown(): Promise<StopContext> {
    const context = this.options.stop
    const { eofMs } = { ...STOP_DEFAULTS, ...context.times }
    const { timers } = context
    const from = timers.now()
    const turnOver = new Promise<void>((resolve) => {
      this.#turnOver = resolve
    })
    if (this.interrupt() > 0) await happensWithin(timers, turnOver, eofMs / 2)
    const left = Math.max(0, eofMs - (timers.now() - from))
    return { ...context, times: { ...context.times, eofMs: left } }
  }

  async kill(): Promise<Exit> {
    this.#giveUp('')
    this.control.thaw(this.#child)
    if (this.#child && this.#state !== 'ended') {
      this.resume()
      await killNow(this.#child, this.options.stop)
    }
    return this.ended
  }

  #giveUp(reason: string): void {
    this.#isUnwanted = true
    this.#endReason ||= reason
    this.#readiness.failed()
  }

  /** Stops reading the child: its own pipe slows it down. */
  pause(): void {
    this.#child?.pause()
  }

  resume(): void {
    this.#child?.resume()
    this.#watchdog.alive()
  }

  get isPaused(): boolean {
    return this.#child?.paused === true
  }

  #line(line: Line): void {
    this.options.onProgress()
    this.#heardAt = this.options.stop.timers.now()
    if (!line.valid)
      this.#diagnose('a line was not valid UTF-8; what could not be read was replaced')
    this.#isRetry = false
    this.#driver.line(line.text)
    if (!this.#isRetry) this.#watchdog.alive()
    if (this.log.isFull && this.#child?.alive) this.pause()
  }

  #stderr(line: Line): void {
    this.#diagnose(this.#stderrBudget.take(line.text) ?? '')
  }

  /** What was written to it is lost, so a turn would never end: a process that does not listen is ended. */
  async #deaf(error: ProtocolError): Promise<void> {
    this.#diagnose(error.message)
    if (!this.#child || this.#state !== 'ready') return
    if (await happensWithin(this.options.stop.timers, this.#child.died, DYING_MS)) return
    await this.stop(error.message)
  }

  #diagnose(content: string): void {
    if (content !== '') this.#add({ type: 'stderr', content })
  }

  #add(chunk: Parameters<ChunkLog['add']>[1], turn = this.#turns.current): void {
    this.log.add(turn, chunk)
    this.options.onChunks()
  }

  #event(event: BackendEvent): void {
    if (event.type === 'ready') this.#nowReady(event.nativeSessionId)
    else if (event.type === 'start_failed') this.#readiness.failed(event.message)
    else if (event.type === 'turn_end') this.#turnEnded(event.reason)
    else if (event.type === 'approval') this.#asked(event)
    else if (event.type === 'approval_withdrawn') this.#withdrawn(event)
    else {
      this.#isRetry = event.type === 'error' && event.retrying === true
      this.#add(chunkOf(event))
    }
  }

  #nowReady(nativeSessionId: string | undefined): void {
    if (nativeSessionId !== undefined) this.#nativeSessionId = nativeSessionId
    if (this.#state === 'starting') this.#state = 'ready'
    this.#readiness.ready()
    this.#nextTurn()
  }

  #asked(event: Extract<BackendEvent, { type: 'approval' }>): void {
    const refusal = this.#questions.ask(event.approval)
    if (refusal === undefined) this.#add(chunkOf(event))
    else this.#diagnose(refusal)
  }

  #withdrawn(event: Extract<BackendEvent, { type: 'approval_withdrawn' }>): void {
    if (this.#questions.withdraw(event.approval)) this.#add(chunkOf(event))
  }

  /** A turn that has ended asks nothing more, whatever its CLI forgot to take back. */
  #withdrawAll(reason: string): void {
    for (const approval of this.#questions.open) {
      this.#withdrawn({ type: 'approval_withdrawn', approval, reason })
    }
  }

  #turnEnded(reason: TurnReason): void {
    this.#withdrawAll(`the turn ended (${reason})`)
    const turn = this.#turns.end()
    this.#watchdog.end()
    this.#turnOver()
    if (turn === 0) return
    this.#add({ type: 'turn_complete', turn_number: turn, reason }, turn)
    this.#nextTurn()
  }

  #nextTurn(): void {
    if (this.#state !== 'ready' || this.control.paused !== '' || this.#isUnwanted) return
    const next = this.#turns.begin()
    if (!next) return
    this.#watchdog.begin()
    this.#driver.prompt(this.#withContext(next))
  }

  /** A conversation that is resumed has heard it. */
  #withContext({ turn, text }: Turn): string {
    const { context = '', resume } = this.options.start
    const isFirst = turn === this.options.highestTurn + 1 && !resume
    return isFirst && context !== '' ? `${context}\n\n${text}` : text
  }

  async #exited(exit: Exit): Promise<void> {
    this.#state = 'ended'
    this.#driver.ended()
    this.#turnEnded('gone')
    this.#readiness.failed()
    if (this.#child) await sweepLeftovers(this.#child, this.options.stop)
    this.#end(exit)
  }

  #end(exit: Exit): void {
    this.#state = 'ended'
    for (const { turn } of this.#turns.abandon()) {
      this.#add({ type: 'turn_complete', turn_number: turn, reason: 'gone' }, turn)
    }
    const { session } = this.options
    this.#add({
      type: 'complete',
      exit_code: exit.exitCode,
      ...(exit.signal !== null && { signal: exit.signal }),
      session_id: session,
      ...(this.#endReason !== '' && { reason: this.#endReason }),
    })
    this.#settleEnd(exit)
  }
}
