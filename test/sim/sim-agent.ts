/**
 * A scripted agent in place of a child process, and the backend that talks to it. It answers each prompt
 * with numbered tokens, so that whoever reads the stream can see what is missing, doubled or out of order.
 */
import type {
  ApprovalAnswer,
  Backend,
  Driver,
  DriverPort,
  Launch,
} from '../../agent-host/backends/backend.ts'
import type {
  Child,
  ChildEvents,
  ChildOptions,
  Exit,
} from '../../agent-host/process/child-process.ts'
import { SESSION_VARIABLE } from '../../agent-host/process/markers.ts'
import { StderrRing } from '../../agent-host/process/stderr-ring.ts'
import type { TurnReason } from '../../protocol/messages/chunk.ts'
import type { Life, Scheduler } from './scheduler.ts'

/** What agents did, as they themselves know it. */
export interface AgentWatch {
  began(agent: SimAgent): void
  ran(agent: SimAgent, prompt: string): void
  /** An agent heard the answer to a question. */
  heard(agent: SimAgent, question: string, decision: string): void
}

export interface AgentPlace {
  readonly host: string
  readonly life: Life
  readonly scheduler: Scheduler
  readonly watch: AgentWatch
  readonly number: number
}

export class SimAgent implements Child {
  readonly pid: number
  readonly markers: Child['markers']
  /** It takes what it is given at once. */
  readonly stdinBytes = 0
  readonly stderr = new StderrRing(16)
  readonly died: Promise<Exit>
  readonly exited: Promise<Exit>
  readonly place: AgentPlace
  readonly session: string
  readonly epoch: number
  paused = false
  alive = true
  /** Tokens written so far. */
  tokens = 0
  readonly #events: ChildEvents
  #unread: string[] = []
  #turn: { stop: () => void; readonly prompt: string; goOn: () => void } | undefined
  /** The question that it waits with; empty when it does not. */
  #question = ''
  #questions = 0
  #exit: Exit | undefined
  #settleDied: (exit: Exit) => void = () => undefined
  #settleExited: (exit: Exit) => void = () => undefined

  constructor(place: AgentPlace, { markers, args }: ChildOptions, events: ChildEvents) {
    this.place = place
    this.pid = place.number
    this.markers = markers
    this.session = markers[SESSION_VARIABLE] ?? ''
    this.epoch = Number(args[0])
    this.#events = events
    this.died = new Promise((resolve) => {
      this.#settleDied = resolve
    })
    this.exited = new Promise((resolve) => {
      this.#settleExited = resolve
    })
    place.watch.began(this)
    this.#later(0, 40, () => this.#say('ready'))
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    for (let line = this.#unread.shift(); line !== undefined; line = this.#unread.shift()) {
      this.#events.line({ text: line, bytes: line.length, valid: true })
      if (this.paused) return
    }
    if (this.#exit) this.#settleExited(this.#exit)
  }

  write(line: string): boolean {
    if (!this.alive) return false
    this.#later(0, 2, () => this.#hear(line))
    return true
  }

  closeStdin(): void {
    this.#later(0, 100, () => this.#die({ exitCode: 0, signal: null }))
  }

  signalGroup(signal: NodeJS.Signals): boolean {
    if (!this.alive) return false
    if (signal === 'SIGKILL' || signal === 'SIGTERM') {
      this.#later(0, 5, () => this.#die({ exitCode: null, signal }))
    }
    return true
  }

  signalRemains(): boolean {
    return false
  }

  /** It ends by itself, or is ended by the guardian of a host that was killed. */
  fail(exitCode: number): void {
    this.#die({ exitCode, signal: null })
  }

  #hear(line: string): void {
    const [verb, question = '', decision = ''] = line.split(' ')
    if (line === 'interrupt') this.#endTurn('interrupted')
    else if (verb === 'answer') this.#answered(question, decision)
    else this.#prompt(line)
  }

  #prompt(prompt: string): void {
    const { watch, scheduler } = this.place
    watch.ran(this, prompt)
    let left = Math.floor(scheduler.random() ** 3 * 40)
    const next = (): void => {
      if (left === 0) {
        this.#endTurn('end_turn')
        return
      }
      left -= 1
      if (scheduler.chance(0.04)) {
        this.#ask()
        return
      }
      this.tokens += 1
      this.#say(`${scheduler.chance(0.8) ? 'text' : 'tool'} ${this.pid}:${this.tokens};`)
      turn.stop = this.#later(0, 12, next)
    }
    const goOn = (): void => {
      turn.stop = this.#later(0, 12, next)
    }
    const turn = { stop: (): void => {}, prompt, goOn }
    this.#turn = turn
    goOn()
  }

  /** Says nothing more before somebody has answered. */
  #ask(): void {
    this.#questions += 1
    this.#question = `q${this.pid}-${this.#questions}`
    this.#say(`ask ${this.#question}`)
  }

  #answered(question: string, decision: string): void {
    this.place.watch.heard(this, question, decision)
    if (question !== this.#question) return // the turn that asked was interrupted
    this.#question = ''
    this.#turn?.goOn()
  }

  #endTurn(reason: TurnReason): void {
    this.#turn?.stop()
    if (this.#question !== '') this.#say(`withdraw ${this.#question}`)
    this.#question = ''
    if (this.#turn) this.#say(`end ${reason}`)
    this.#turn = undefined
  }

  #say(line: string): void {
    if (this.paused) this.#unread.push(line)
    else this.#events.line({ text: line, bytes: line.length, valid: true })
  }

  #die(exit: Exit): void {
    if (!this.alive) return
    this.alive = false
    this.#exit = exit
    this.#settleDied(exit)
    if (!this.paused) this.#settleExited(exit)
  }

  #later(low: number, high: number, run: () => void): () => void {
    const { life, scheduler } = this.place
    return life.after(scheduler.between(low, high), () => {
      if (this.alive) run()
    })
  }
}

export const simBackend: Backend = {
  name: 'sim',
  title: 'simulated',
  capabilities: {
    multiTurn: true,
    interrupt: true,
    resume: true,
    thinking: false,
    approvals: true,
    setMode: false,
    write: false,
    usage: false,
  },
  detect: () => Promise.resolve({ available: true, version: '1', command: 'sim' }),
  launch: (command, { extraArgs = [] }): Launch => ({ command, args: extraArgs, env: {} }),
  drive: (_options, port) => new SimDriver(port),
}

class SimDriver implements Driver {
  readonly #port: DriverPort
  readonly #open = new Set<string>()

  constructor(port: DriverPort) {
    this.#port = port
  }

  started(): void {}

  line(text: string): void {
    const [verb, rest = ''] = text.split(' ')
    if (verb === 'ready') this.#port.emit({ type: 'ready' })
    else if (verb === 'text') this.#port.emit({ type: 'text', content: rest })
    else if (verb === 'ask') this.#ask(rest)
    else if (verb === 'withdraw') this.#withdraw(rest)
    else if (verb === 'end') this.#port.emit({ type: 'turn_end', reason: rest as TurnReason })
    else this.#port.emit({ type: 'tool_result', toolId: 'x', result: rest, isError: false })
  }

  prompt(text: string): void {
    this.#port.writeLine(text)
  }

  interrupt(): void {
    this.#port.writeLine('interrupt')
  }

  answer(approval: string, { decision }: ApprovalAnswer): boolean {
    const isOpen = this.#open.delete(approval)
    if (isOpen) this.#port.writeLine(`answer ${approval} ${decision}`)
    return isOpen
  }

  #ask(approval: string): void {
    this.#open.add(approval)
    const tool = { toolId: 'x', toolName: 'sim', input: {} }
    this.#port.emit({ type: 'approval', approval, ...tool, options: ['allow', 'deny'] })
  }

  #withdraw(approval: string): void {
    if (!this.#open.delete(approval)) return
    this.#port.emit({ type: 'approval_withdrawn', approval, reason: 'interrupted' })
  }

  ended(): void {}
}
