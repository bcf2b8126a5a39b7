/** One life of a client: the real SDK on simulated sockets, driven by chance. */
import { Client } from '../../clients/sdk/client.ts'
import type { Follow } from '../../clients/sdk/follow.ts'
import type { StreamItem } from '../../clients/sdk/stream-item.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { Network, SimDealer, SimSubscriber } from './network.ts'
import type { Life, Scheduler } from './scheduler.ts'

/** One call as the client that made it knows it. */
export interface CallRecord<M extends BrokerMethod = BrokerMethod> {
  readonly key: string
  readonly method: M
  readonly params: Params<M>
  /** An earlier life of the client asked with the same key. */
  readonly isRepeat: boolean
  accepted: boolean
  ends: number
  error: ProtocolError | undefined
  result: Result<M> | undefined
}

/** One reader of one stream, over all lives of its client. */
export interface ReaderRecord {
  readonly client: string
  readonly session: string
  readonly from: number
  readonly items: StreamItem[]
}

export interface ClientWatch {
  called(call: CallRecord): void
  ended(client: SimClient, call: CallRecord): void
  read(reader: ReaderRecord, item: StreamItem): void
  readerEnded(reader: ReaderRecord, thrown: unknown): void
}

export interface SimClientOptions {
  readonly life: Life
  readonly scheduler: Scheduler
  readonly network: Network
  readonly watch: ClientWatch
}

export class SimClient {
  readonly life: Life
  readonly calls: CallRecord[] = []
  readonly readers: { readonly record: ReaderRecord; readonly follow: Follow }[] = []
  readonly #options: SimClientOptions
  readonly #client: Client
  #dealer: SimDealer | undefined
  #subscriber: SimSubscriber | undefined

  constructor(options: SimClientOptions) {
    this.#options = options
    const { life, scheduler, network } = options
    this.life = life
    this.#client = new Client({
      endpoint: 'sim:router',
      role: 'admin',
      principal: 'local',
      software: 'simulated',
      deadlineMs: 10_000,
      transport: {
        dealer: (_endpoint, handlers) => {
          this.#dealer = network.dealer(life, handlers)
          return this.#dealer
        },
        subscriber: (_endpoint, receive, broken) => {
          this.#subscriber = network.subscriber(life, receive, broken)
          return this.#subscriber
        },
      },
      now: life.now,
      random: scheduler.random,
      randomBytes: (size) => scheduler.bytes(size),
      pause: (ms, signal) => pause(life, ms, signal),
      every: life.every,
    })
  }

  get dealer(): SimDealer | undefined {
    return this.#dealer
  }

  get subscriber(): SimSubscriber | undefined {
    return this.#subscriber
  }

  get pending(): readonly CallRecord[] {
    return this.calls.filter(({ ends }) => ends === 0)
  }

  call<M extends BrokerMethod>(
    key: string,
    method: M,
    params: Params<M>,
    { isRepeat = false, isPatient = false } = {},
  ): void {
    const { scheduler } = this.#options
    const record: CallRecord<M> = {
      key,
      method,
      params,
      isRepeat,
      accepted: false,
      ends: 0,
      error: undefined,
      result: undefined,
    }
    this.calls.push(record)
    this.#options.watch.called(record)
    const controller = new AbortController()
    if (!isPatient && scheduler.chance(0.05)) {
      this.life.after(scheduler.between(0, 500), () => controller.abort())
    }
    const options = {
      idempotencyKey: key,
      deadlineMs: isPatient ? 9000 : scheduler.between(300, 12_000),
      signal: controller.signal,
      onAccepted: () => {
        record.accepted = true
      },
    }
    this.#client.call(method, params, options).then(
      (result) => this.#ended(record, { result }),
      (thrown: unknown) =>
        this.#ended(record, { error: ProtocolError.from(thrown, 'client', 'unknown') }),
    )
  }

  follow(session: string, from: number): void {
    const record: ReaderRecord = { client: this.life.name, session, from, items: [] }
    const follow = this.#client.follow(session, { from })
    this.readers.push({ record, follow })
    this.#read(record, follow).catch((thrown: unknown) =>
      this.#options.watch.readerEnded(record, thrown),
    )
  }

  async leave(index: number): Promise<void> {
    const [reader] = this.readers.splice(index, 1)
    await reader?.follow.return()
  }

  async #read(record: ReaderRecord, follow: Follow): Promise<void> {
    for await (const item of follow) {
      if (this.life.isOver) return
      record.items.push(item)
      this.#options.watch.read(record, item)
    }
  }

  #ended<M extends BrokerMethod>(
    record: CallRecord<M>,
    end: { result?: Result<M>; error?: ProtocolError },
  ): void {
    if (this.life.isOver) return
    record.ends += 1
    Object.assign(record, end)
    this.#options.watch.ended(this, record)
  }
}

function pause(life: Life, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      callOff()
      reject(new ProtocolError('CANCELLED', {}, { where: 'client' }))
    }
    const callOff = life.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}
