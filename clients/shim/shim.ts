/** The doors of one shim: started in order, each on its own feet; stopped in the reverse order. */
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Door, DoorContext, DoorName } from './door.ts'
import type { DoorRow } from './doors.ts'

/** Everything of a context that does not belong to one door. */
export type ShimWorld = Omit<DoorContext, 'log' | 'addressesOf'>

export interface FailedDoor {
  readonly door: DoorName
  readonly error: ProtocolError
}

export class Shim {
  readonly #world: ShimWorld
  readonly #log: Logger
  readonly #rows: readonly DoorRow[]
  readonly #doors: Door[] = []
  readonly #failed: FailedDoor[] = []

  constructor(world: ShimWorld, log: Logger, rows: readonly DoorRow[]) {
    this.#world = world
    this.#log = log
    this.#rows = rows
  }

  /** Doors that could not be opened; the others are. */
  get failed(): readonly FailedDoor[] {
    return this.#failed
  }

  /** Addresses of the open doors. */
  get addresses(): Readonly<Partial<Record<DoorName, readonly string[]>>> {
    return Object.fromEntries(this.#doors.map(({ name, addresses }) => [name, addresses]))
  }

  /** Opens every door that is switched on. One that cannot be opened does not keep others shut. */
  async start(): Promise<void> {
    for (const row of this.#rows) {
      if (row.isOn(this.#world.settings)) await this.#open(row)
    }
  }

  async #open({ name, make }: DoorRow): Promise<void> {
    const door = make({
      ...this.#world,
      log: this.#log.child({ door: name }),
      addressesOf: (other) => this.addresses[other] ?? [],
    })
    try {
      await door.start()
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'client')
      this.#log.error({ door: name, code: error.code, reason: error.message }, 'door not opened')
      this.#failed.push({ door: name, error })
      await this.#close(door)
      return
    }
    this.#doors.push(door)
    this.#log.info({ door: name, addresses: door.addresses }, 'door opened')
  }

  /** Closes every door, the last one first. */
  async stop(): Promise<void> {
    for (const door of this.#doors.splice(0).reverse()) await this.#close(door)
  }

  async #close(door: Door): Promise<void> {
    try {
      await door.stop()
    } catch (error) {
      this.#log.error({ door: door.name, err: error }, 'door did not close well')
    }
  }
}
