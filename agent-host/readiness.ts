/** Whether a CLI has become ready for its first prompt, and why not. */
import { ProtocolError } from '../protocol/errors.ts'
import { type Environment, withoutValues } from './process/environment.ts'

/** Lines of stderr that tell why a CLI did not start. */
const TAIL_LINES = 5
/** What is told of them at most, characters. */
const MAX_REASON = 4096

export class Readiness {
  #settle: (ok: boolean) => void = () => {}
  readonly #settled = new Promise<boolean>((resolve) => {
    this.#settle = resolve
  })
  #problem = ''

  ready(): void {
    this.#settle(true)
  }

  /** `problem` in the words of the CLI, where it has said any. Nothing once it is ready. */
  failed(problem = ''): void {
    this.#problem ||= problem
    this.#settle(false)
  }

  /** False when it failed, or the signal was aborted first. */
  async wait(signal: AbortSignal): Promise<boolean> {
    const abandon = (): void => this.failed()
    signal.addEventListener('abort', abandon, { once: true })
    if (signal.aborted) abandon() // while it was being spawned
    const isReady = await this.#settled
    signal.removeEventListener('abort', abandon)
    return isReady
  }

  /**
   * START_FAILED with the reason that is known, unless somebody gave the start up. It goes to lists, events and
   * logs, so a CLI that tells what it was given is not repeated.
   */
  failure(
    signal: AbortSignal,
    { backend, stderr, env }: { backend: string; stderr: string; env: Environment },
  ): ProtocolError {
    if (signal.reason instanceof ProtocolError) return signal.reason
    if (signal.aborted) return new ProtocolError('CANCELLED', {}, { where: 'host' })
    const tail = stderr.trim().split('\n').slice(-TAIL_LINES).join(' | ')
    const told = this.#problem || tail || 'it ended before it was ready'
    const reason = withoutValues(told, env).slice(-MAX_REASON)
    return new ProtocolError('START_FAILED', { backend, reason }, { where: 'cli' })
  }
}
