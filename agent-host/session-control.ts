/** What can be done to a session beside its turns: pauses, signals, lines for its stdin, its mode. */
import { ProtocolError } from '../protocol/errors.ts'
import type { Signal } from '../protocol/methods/control.ts'
import type { PauseMode } from '../protocol/methods/types.ts'
import type { Backend, Driver } from './backends/backend.ts'
import { CHILD_DEFAULTS, type Child } from './process/child-process.ts'
import type { ProcessTree } from './process/process-tree.ts'
import { Suspension } from './suspension.ts'

export interface ControlPorts {
  readonly backend: Backend
  readonly driver: Driver
  readonly tree: ProcessTree
  /** The child. Throws AGENT_GONE when it has ended. */
  readonly living: () => Child
  readonly gone: () => ProtocolError
  /** A pause is over: what waited may go on. */
  readonly onReleased: () => void
}

/** Every method throws AGENT_GONE, or rejects with it, when the process has ended. */
export class SessionControl {
  readonly #ports: ControlPorts
  readonly #suspension: Suspension

  constructor(ports: ControlPorts) {
    this.#ports = ports
    this.#suspension = new Suspension(ports.tree)
  }

  get paused(): PauseMode | '' {
    return this.#suspension.mode
  }

  suspend(mode: PauseMode): void {
    this.#suspension.set(mode, this.#ports.living())
  }

  release(): void {
    this.#suspension.clear(this.#ports.living())
    this.#ports.onReleased()
  }

  /** For a child that is to be ended: a frozen one could neither read nor end. */
  thaw(child: Child | undefined): void {
    this.#suspension.clear(child)
  }

  /** To the process group of the child. */
  signal(signal: Signal): void {
    const { living, gone } = this.#ports
    if (!living().signalGroup(signal)) throw gone()
  }

  /** One line for a program that reads plain lines. Throws NOT_SUPPORTED or OVERLOADED. */
  write(line: string): void {
    const { living, backend } = this.#ports
    const child = living()
    if (!backend.capabilities.write)
      throw cannot(backend, 'take lines as they are; give it a prompt')
    if (child.write(line)) return
    const details = { what: 'the input queue of the child', limit: CHILD_DEFAULTS.maxStdinBytes }
    throw new ProtocolError('OVERLOADED', details, { where: 'host' })
  }

  /** Resolves when the CLI has agreed. Rejects with NOT_SUPPORTED or MODE_REFUSED. */
  async setMode(mode: string): Promise<void> {
    const { living, backend, driver } = this.#ports
    living()
    if (!driver.setMode || !backend.capabilities.setMode) {
      throw cannot(backend, 'change its mode while it lives')
    }
    const refusal = await new Promise<string | undefined>((resolve) => {
      driver.setMode?.(mode, resolve)
    })
    if (refusal === undefined) return
    living()
    const details = { backend: backend.name, mode, reason: refusal }
    throw new ProtocolError('MODE_REFUSED', details, { where: 'cli' })
  }
}

function cannot(backend: Backend, action: string): ProtocolError {
  return new ProtocolError('NOT_SUPPORTED', { backend: backend.name, action }, { where: 'host' })
}
