/** What the doors count, under the names of the old daemon: one set for all doors of a shim. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Upper bounds in seconds, as the old daemon had them. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Figures of the broker; NaN until it has told them. */
export interface AgentFigures {
  readonly active: number
  readonly spawned: number
  readonly killed: number
}

export class DoorMetrics {
  readonly #registry = new Registry()
  #agents: AgentFigures = { active: Number.NaN, spawned: Number.NaN, killed: Number.NaN }
  readonly #connectionsActive: Gauge
  readonly #connections: Counter
  readonly #duration: Histogram
  readonly #errors: Counter
  readonly #requests: Counter
  readonly #chatChunks: Counter
  readonly #chatDropped: Counter

  /** Those of the old daemon in the order of their names, which is the order in which they are written. */
  constructor() {
    const registers = [this.#registry]
    this.#told('agents_active', 'Active agents', 'active')
    this.#told('agents_killed_total', 'Total agents killed', 'killed')
    this.#told('agents_spawned_total', 'Total agents spawned', 'spawned')
    const gauge = { name: 'connections_active', help: 'Active connections', registers }
    this.#connectionsActive = new Gauge(gauge)
    const connections = { name: 'connections_total', help: 'Total connections', registers }
    this.#connections = new Counter(connections)
    const duration = { name: 'request_duration_seconds', help: 'Request duration', registers }
    this.#duration = new Histogram({ ...duration, buckets: BUCKETS })
    const errors = { name: 'request_errors_total', help: 'Total request errors', registers }
    this.#errors = new Counter(errors)
    const requests = { name: 'requests_total', help: 'Total requests', registers }
    this.#requests = new Counter(requests)
    const published = 'agentmq_chat_chunks_published_total'
    const publishedHelp = 'Chunks published to subscribers of chats'
    this.#chatChunks = new Counter({ name: published, help: publishedHelp, registers })
    const dropped = 'agentmq_chat_chunks_dropped_total'
    const droppedHelp = 'Of these, chunks that a subscriber did not get because it read too slowly'
    this.#chatDropped = new Counter({ name: dropped, help: droppedHelp, registers })
  }

  /** A client came in; call the result once when it is gone. */
  connected(): () => void {
    let isOpen = true
    this.#connections.inc()
    this.#connectionsActive.inc()
    return () => {
      if (isOpen) this.#connectionsActive.dec()
      isOpen = false
    }
  }

  /** A request was answered, with a result or an error. */
  answered(durationMs: number, isError: boolean): void {
    this.#requests.inc()
    this.#duration.observe(durationMs / 1000)
    if (isError) this.#errors.inc()
  }

  /** A chunk of a chat was published. */
  chatChunk(): void {
    this.#chatChunks.inc()
  }

  /** It was, and a subscriber was passed over. */
  chatChunkDropped(): void {
    this.#chatDropped.inc()
  }

  /** What the broker says; kept until it says something else. */
  tellAgents(figures: AgentFigures): void {
    this.#agents = figures
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** A figure that is not counted here; a counter is one that is only set. */
  #told(name: string, help: string, key: keyof AgentFigures): void {
    const type = name.endsWith('_total') ? ('counter' as const) : ('gauge' as const)
    const read = () => [{ value: this.#agents[key], labels: {} }]
    const get = async () => ({ name, help, type, values: read(), aggregator: 'sum' })
    this.#registry.registerMetric({ name, get } as unknown as Gauge)
  }
}
