/** A whole agentmq under test: broker, hosts and clients as processes, with a proxy before each socket. */
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../../clients/sdk/index.ts'
import { Archive } from './archive.ts'
import type { Answer, ClientOptions, Order } from './client-options.ts'
import { type PartProcess, startPart, startProgram } from './part-process.ts'
import { choosePlaces, endpointOf, LINES, type Places, type Transport } from './places.ts'
import { Proxies } from './proxies.ts'

export interface SystemOptions {
  readonly transport: Transport
  readonly seed: number
  readonly sessions: number
  readonly clients: number
  readonly hosts: number
  readonly maxCount: number
  readonly paceMs: number
  readonly livenessMs: number
  /** After a fault the system must work again within this, ms. */
  readonly recoveryMs: number
  /** Default: a fifth of `livenessMs`. */
  readonly heartbeatMs?: number
  /** More flags for the broker. */
  readonly brokerFlags?: readonly string[]
}

const CLIENT = fileURLToPath(new URL('./client-process.js', import.meta.url))

/** Readers of each session. */
const READERS = 2

export class System {
  readonly options: SystemOptions
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'amq-')))
  readonly archive = new Archive(join(this.dir, 'archive'))
  readonly surprises: string[] = []
  readonly hosts = new Map<string, PartProcess>()
  readonly clients = new Map<string, PartProcess>()
  readonly lives = new Map<string, number>()
  readonly sessions: string[] = []
  /** One session on each host, for the driver to see whether turns are carried out; by host. */
  readonly probes = new Map<string, string>()
  readonly #onSurprise = (what: string) => void this.surprises.push(what)
  #places: Places | undefined
  #proxies: Proxies | undefined
  #broker: PartProcess | undefined
  #driver: Client | undefined
  #stopped: Promise<void> | undefined

  constructor(options: SystemOptions) {
    this.options = options
    for (const dir of ['archive', 'work', 'p', 'run']) {
      mkdirSync(join(this.dir, dir), { mode: 0o700 })
    }
  }

  async start(): Promise<void> {
    const { dir } = this
    this.#places = await choosePlaces(this.options.transport, dir)
    const settings = { dir, places: this.#places, onSurprise: this.#onSurprise }
    this.#proxies = await Proxies.start(settings)
    await this.startBroker()
    for (let n = 1; n <= this.options.hosts; n += 1) await this.startHost(`h${n}`)
    this.#driver = await connect({ endpoint: this.endpoint, deadlineMs: this.options.recoveryMs })
    for (const host of this.hosts.keys()) {
      this.probes.set(host, await this.#createSession(`probe-${host}`, host))
    }
    for (let n = 0; n < this.options.sessions; n += 1) {
      const host = `h${1 + (n % this.options.hosts)}`
      this.sessions.push(await this.#createSession(`s${n}`, host))
    }
    for (let n = 1; n <= this.options.clients; n += 1) await this.startClient(`c${n}`)
  }

  /** The client of the driver itself; it does not go through a proxy. */
  get driver(): Client {
    if (!this.#driver) throw new Error('the system was not started')
    return this.#driver
  }

  get broker(): PartProcess {
    if (!this.#broker) throw new Error('the system was not started')
    return this.#broker
  }

  get proxies(): Proxies {
    if (!this.#proxies) throw new Error('the system was not started')
    return this.#proxies
  }

  get places(): Places {
    if (!this.#places) throw new Error('the system was not started')
    return this.#places
  }

  /** Where the broker itself listens, behind the proxies. */
  get endpoint(): string {
    return endpointOf(this.places.broker)
  }

  async #createSession(name: string, host: string): Promise<string> {
    const cwd = join(this.dir, 'work')
    return (await this.driver.createSession({ backend: 'demo', host, cwd, name })).id
  }

  get allSessions(): readonly string[] {
    return [...this.sessions, ...this.probes.values()]
  }

  async startBroker(): Promise<void> {
    const { livenessMs, heartbeatMs = livenessMs / 5, transport, brokerFlags = [] } = this.options
    const times = ['--liveness-ms', `${livenessMs}`, '--heartbeat-ms', `${heartbeatMs}`]
    const streams = endpointOf(this.places.streams)
    const places = ['--endpoint', this.endpoint, '--streams-endpoint', streams]
    const leave = transport === 'tcp' ? ['--insecure-loopback'] : []
    this.#broker = await this.#part('broker', 'broker', [
      ...times,
      ...places,
      ...leave,
      ...brokerFlags,
    ])
  }

  async startHost(name: string): Promise<void> {
    const endpoint = endpointOf(this.places.lines.hosts)
    const args = ['--name', name, '--endpoint', endpoint, '--slots', '200', '--stop-ms', '500']
    this.hosts.set(name, await this.#part(name, 'host', args))
  }

  #part(name: string, part: 'broker' | 'host', args: readonly string[]) {
    const env = {
      AGENTMQ_DEMO_STATE: join(this.dir, 'demo'),
      AGENTMQ_DEMO_RECORD: this.archive.agents,
      AGENTMQ_DEMO_DELAY_MS: '0',
    }
    return startPart({ name, part, dir: this.dir, args, env, onSurprise: this.#onSurprise })
  }

  /** Starts a client, or the next life of one. */
  async startClient(name: string): Promise<void> {
    const life = (this.lives.get(name) ?? 0) + 1
    this.lives.set(name, life)
    const index = Number(name.slice(1)) - 1
    const { seed, maxCount, paceMs } = this.options
    const options: ClientOptions = {
      name,
      life,
      archive: this.archive.dir,
      endpoint: endpointOf(this.places.lines.calls),
      streams: endpointOf(this.places.lines.streams),
      sessions: this.#sessionsOf(index),
      seed: seed + 1000 * index,
      maxCount,
      paceMs,
    }
    const program = { name, program: CLIENT, dir: this.dir, options, onSurprise: this.#onSurprise }
    this.clients.set(name, await startProgram(program))
  }

  #sessionsOf(client: number): string[] {
    const { clients } = this.options
    return this.sessions.filter((_, n) =>
      Array.from({ length: Math.min(READERS, clients) }, (_, k) => (n + k) % clients).includes(
        client,
      ),
    )
  }

  order(client: PartProcess, order: Order): void {
    if (client.process.connected) client.process.send(order, () => undefined)
  }

  /** Resolves with the answer of a client, or rejects when it ends first. */
  answer<T extends Answer['type']>(
    client: PartProcess,
    fits: (answer: Answer) => answer is Extract<Answer, { type: T }>,
  ): Promise<Extract<Answer, { type: T }>> {
    const { process: child, name } = client
    return new Promise((resolve, reject) => {
      const done = () => child.off('message', hear).off('exit', end)
      const hear = (answer: Answer) => {
        if (!fits(answer)) return
        done()
        resolve(answer)
      }
      const end = () => {
        done()
        reject(new Error(`${name} has ended`))
      }
      if (client.hasEnded) end()
      else child.on('message', hear).on('exit', end)
    })
  }

  /** Ends all of it, hosts before the broker that takes what they still have. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    for (const line of LINES) await this.#proxies?.order(line, 'heal').catch(() => undefined)
    const parts = [...this.clients.values(), ...this.hosts.values()]
    for (const part of [...parts, ...(this.#broker ? [this.#broker] : [])]) {
      part.release()
      part.signal('SIGCONT')
    }
    await Promise.all([...this.clients.values()].map((client) => client.end('SIGKILL')))
    await this.#driver?.close()
    await Promise.all([...this.hosts.values()].map((host) => host.end('SIGTERM')))
    await this.#broker?.end('SIGTERM')
    await this.#proxies?.end()
  }
}
