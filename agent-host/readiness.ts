/** Whether a CLI has become ready for its first prompt, and why not. */
import { ProtocolError } from '../protocol/errors.ts'

/** Lines of stderr that tell why a CLI did not start. */
const TAIL_LINES = 5

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

  /** START_FAILED with the reason that is known, unless somebody gave the start up. */
  failure(signal: AbortSignal, backend: string, stderr: string): ProtocolError {
    if (signal.reason instanceof ProtocolError) return signal.reason
    if (signal.aborted) return new ProtocolError('CANCELLED', {}, { where: 'host' })
    const tail = stderr.trim().split('\n').slice(-TAIL_LINES).join(' | ')
    const reason = this.#problem || tail || 'it ended before it was ready'
    return new ProtocolError('START_FAILED', { backend, reason }, { where: 'cli' })
  }
}
