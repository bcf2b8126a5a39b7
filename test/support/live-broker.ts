/** A real broker on ipc sockets of its own, which a test can end and start again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import type { Test } from 'tap'
import { Broker } from '../../broker/broker.ts'
import { brokerConfig } from '../../broker/config.ts'
import { type Client, type ConnectOptions, connect } from '../../clients/sdk/index.ts'

type Flags = Readonly<Record<string, unknown>>

export class LiveBroker {
  readonly dir: string
  readonly #flags: Flags
  #broker: Broker | undefined

  private constructor(dir: string, flags: Flags) {
    this.dir = dir
    this.#flags = flags
  }

  /** Starts a broker that ends with the test. */
  static async start(t: Test, flags: Flags = {}): Promise<LiveBroker> {
    // Short, because the path of a socket may have no more than 107 bytes.
    const live = new LiveBroker(mkdtempSync(join(tmpdir(), 'amq-')), flags)
    t.teardown(async () => {
      await live.stop()
      rmSync(live.dir, { recursive: true, force: true })
    })
    await live.start()
    return live
  }

  get endpoint(): string {
    return `ipc://${join(this.dir, 'run', 'broker.sock')}`
  }

  async start(): Promise<void> {
    const config = brokerConfig({ flags: { dir: this.dir, ...this.#flags }, env: {} })
    const broker = new Broker(config, pino({ level: 'silent' }))
    await broker.start()
    this.#broker = broker
  }

  /** Closes the sockets without a GOODBYE. */
  async stop(): Promise<void> {
    await this.#broker?.stop()
    this.#broker = undefined
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** A client that is closed with the test. */
  async connect(t: Test, options: ConnectOptions = {}): Promise<Client> {
    const client = await connect({ dir: this.dir, ...options })
    t.teardown(() => client.close())
    return client
  }
}
