/** A broker as a process of its own, with a client that behaves and notices when it is not served as ever. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, connect } from '../../clients/sdk/index.ts'
import { type PartProcess, startPart } from '../chaos/part-process.ts'
import { must } from './target.ts'

/** How long the client that behaves waits for an answer, ms: its broker and this process share the processors. */
const ANSWER_MS = 10_000
/** What the broker may take beside what it took at first, MiB: buffers of connections, and garbage. */
const MAX_GROWTH_MIB = 200

export class RealBroker {
  readonly dir: string
  readonly #broker: PartProcess
  readonly #client: Client
  readonly #events: AsyncIterator<unknown>
  readonly #surprises: string[]
  readonly #startMib: number
  readonly #stopWatch: () => void
  #looks = 0

  private constructor(dir: string, broker: PartProcess, client: Client, surprises: string[]) {
    this.dir = dir
    this.#broker = broker
    this.#client = client
    this.#surprises = surprises
    this.#events = client.follow('@events', { until: 'never' })[Symbol.asyncIterator]()
    this.#startMib = this.residentMib
    this.#stopWatch = client.onStatus((status) => {
      if (status.type === 'lost') surprises.push(`a client lost its broker: ${status.reason}`)
    })
  }

  static async start(): Promise<RealBroker> {
    const dir = await mkdtemp(join(tmpdir(), 'amq-fuzz-'))
    const surprises: string[] = []
    const onSurprise = (what: string): void => void surprises.push(what)
    const broker = await startPart({ name: 'broker', part: 'broker', dir, args: [], onSurprise })
    const client = await connect({ dir, deadlineMs: ANSWER_MS })
    return new RealBroker(dir, broker, client, surprises)
  }

  /** Path of a socket file. */
  socket(name: 'broker' | 'streams'): string {
    return join(this.dir, 'run', `${name}.sock`)
  }

  /** Memory of its own, without the pages of files. */
  get residentMib(): number {
    const status = readFileSync(`/proc/${this.#broker.pid}/status`, 'utf8')
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
  }

  /** Throws when it has ended. */
  checkAlive(): void {
    must(this.#surprises.length === 0, () => this.#surprises.join('; '))
  }

  /** A call is answered, and the event of it comes on the stream. */
  async checkOthers(): Promise<void> {
    this.checkAlive()
    this.#looks += 1
    const { version } = await this.#client.call('state.set', { key: 'look', value: this.#looks })
    for (;;) {
      const { value } = await this.#events.next()
      const { id, data } = value as { readonly id?: string; readonly data?: { version?: number } }
      if (id === 'look' && data?.version === version) break
    }
    const grownMib = this.residentMib - this.#startMib
    must(grownMib < MAX_GROWTH_MIB, () => `the broker has grown by ${Math.round(grownMib)} MiB`)
  }

  /** It ends as it should: asked, at once, with code 0. */
  async end(): Promise<void> {
    this.#stopWatch()
    await this.#client.close()
    if (!this.#broker.hasEnded) await this.#broker.end('SIGTERM')
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 })
    this.checkAlive()
  }
}
