/** A shim that somebody else has started: all cases meet the same one. */
import { type Client, connect } from '../../../clients/sdk/index.ts'
import type { Plan } from './plan.ts'
import type { TargetSource } from './run-all.ts'
import type { Doors, Target } from './stack.ts'
import type { ServerAuth } from './tokens.ts'

export interface RunningShim {
  readonly doors: Partial<Doors>
  /** What it was started with. */
  readonly auth?: ServerAuth
  /** Endpoint of its broker, for tasks, agents and events that cases want to be there. */
  readonly broker?: string
}

export class RunningShimSource implements TargetSource {
  readonly #target: Target
  readonly #shim: RunningShim
  #client: Promise<Client> | undefined

  constructor(shim: RunningShim) {
    this.#shim = shim
    this.#target = {
      doors: shim.doors,
      auth: shim.auth,
      native: () => this.#native(),
      scriptClaude: () => {
        throw new Error('its claude cannot be told what to print')
      },
      end: () => Promise.resolve(),
    }
  }

  readonly canStartFresh = false

  warm(): void {}

  /** Rejects when the case needs one that was started in another way. */
  async fresh({ kind }: Plan): Promise<Target> {
    if (kind.isPubTaken)
      throw new Error('needs a shim that was started while its PUB port was taken')
    if (!kind.hasClaude) throw new Error('needs a host without claude')
    if (kind.isStrict) throw new Error('needs a shim that was started with --strict')
    if (JSON.stringify(kind.auth) !== JSON.stringify(this.#shim.auth)) {
      throw new Error(`needs a shim ${kind.auth ? 'with' : 'without'} this authentication`)
    }
    return this.#target
  }

  shared(plan: Plan): Promise<Target> {
    return this.fresh(plan)
  }

  /** What is in it belongs to whoever started it. */
  emptied(plan: Plan): Promise<Target> {
    return this.fresh(plan)
  }

  done(): void {}

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    await client?.close()
  }

  #native(): Promise<Client> {
    const { broker } = this.#shim
    if (broker === undefined) return Promise.reject(new Error('needs --broker'))
    this.#client ??= connect({ endpoint: broker })
    return this.#client
  }
}
