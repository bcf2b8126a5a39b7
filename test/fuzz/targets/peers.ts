/**
 * A broker that lies: any messages to a host (agent-host/dialogue.ts) and to a client of the SDK, before and
 * after WELCOME. Neither throws, and no request of the broker is answered twice.
 */
import { Dialogue } from '../../../agent-host/dialogue.ts'
import { BUFFER_LIMITS } from '../../../agent-host/held-bytes.ts'
import { Client } from '../../../clients/sdk/client.ts'
import { decodeBundle } from '../../../protocol/bundle.ts'
import { decodeBody, encode } from '../../../protocol/codec.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { DealerHandlers, OpenDealer } from '../../../protocol/link/peer-connection.ts'
import { ErrorBody } from '../../../protocol/messages/calls.ts'
import { headToTuple, MESSAGES, type MessageKind } from '../../../protocol/messages/index.ts'
import { METHODS, type MethodName } from '../../../protocol/methods/index.ts'
import { SAMPLES } from '../../conformance/golden.ts'
import type { Case } from '../case.ts'
import { harm } from '../mutate-value.ts'
import { Random } from '../random.ts'
import { Shapes } from '../shapes.ts'
import { must, type Subject, type Target } from '../target.ts'
import { encodeWildly } from '../wild-msgpack.ts'
import { bundlePiece, FRAMES, framesIn, framesOf, framesPiece } from './link-steps.ts'

const STEP = {
  frames: FRAMES,
  /** Tenths of a second (1 byte). */
  tick: 1,
  welcome: 2,
  disconnected: 3,
  /** The client asks for something. */
  ask: 4,
} as const

const KINDS = Object.keys(MESSAGES) as readonly MessageKind[]
const HOST_METHODS = (Object.keys(METHODS) as MethodName[]).filter((name) => {
  return METHODS[name].answeredBy === 'host'
})

/** Pieces: steps. */
export function peersTarget(seed: number): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'peers',
    about:
      'messages of a broker that lies to a host and a client: no throw, at most one answer to each request',
    lifetime: 500,
    generate: (random) => [
      Buffer.of(STEP.welcome),
      ...Array.from({ length: 1 + random.size(12) }, () => step(shapes, random)),
    ],
    open: () => ({ run: play }) satisfies Subject,
  }
}

function step(shapes: Shapes, random: Random): Buffer {
  const kind = random.below(12)
  if (kind <= 3) return bundlePiece(KINDS, shapes, random)
  if (kind <= 6) return requestPiece(shapes, random)
  if (kind === 7) return replyPiece(shapes, random)
  const what = random.pick([STEP.tick, STEP.welcome, STEP.disconnected, STEP.ask, STEP.ask])
  return Buffer.of(what, random.below(random.pick([2, 8, 80])))
}

/** A request to the host, more or less damaged. */
function requestPiece(shapes: Shapes, random: Random): Buffer {
  const method = random.pick(HOST_METHODS)
  const value = harm(shapes.value(METHODS[method].params, random), random)
  const body = random.chance(0.9) ? encode(value) : encodeWildly(value, random, 0.05)
  const head = { kind: 'REQUEST', id: `b${random.uint32()}`, method, target: 'h' } as const
  const more = { remaining_ms: 0, key: '', trace: '' }
  const tuple = headToTuple({ ...head, ...more }, body.length)
  return framesPiece([encode([random.chance(0.9) ? tuple : harm(tuple, random)]), body])
}

/** An answer to one of the first requests of either: their ids are numbers from 1. */
function replyPiece(shapes: Shapes, random: Random): Buffer {
  const method = random.pick(Object.keys(METHODS) as MethodName[])
  const body = encode(harm(shapes.value(METHODS[method].result, random), random))
  const id = random.between(1, 6).toString(36)
  return framesPiece(framesOf([{ head: { kind: 'REPLY', id }, body }]))
}

async function play(pieces: Case): Promise<void> {
  const stage = new Stage()
  for (const piece of pieces) await stage.step(piece)
  await stage.end()
}

class Stage {
  readonly #random = new Random(1)
  readonly #handlers: DealerHandlers[] = []
  readonly #host: Dialogue
  readonly #client: Client
  /** Requests of the broker that have no answer yet, by id. */
  readonly #owed = new Map<string, number>()
  #now = 0

  constructor() {
    this.#host = new Dialogue({
      endpoint: 'memory:router',
      dealer: this.#dealer((head, body) => this.#hostSaid(head, body)),
      timers: { now: () => this.#now, after: () => () => undefined },
      random: () => this.#random.fraction(),
      registration: () => ({
        ...{ host: 'h', name: 'h', labels: [], slots: 1, backends: [], software: 'f', pid: 1 },
      }),
      health: () => ({ loop_lag_ms: 0, progress_age_ms: -1 }),
      run: async (method) => {
        throw new ProtocolError('NO_SUCH_SESSION', { session: method }, { where: 'host' })
      },
      notice: () => undefined,
      buffers: BUFFER_LIMITS,
      log: { debug: silent, info: silent, warn: silent, error: failWith },
    })
    this.#client = this.#openClient()
    this.#host.start()
  }

  #openClient(): Client {
    return new Client({
      ...{ endpoint: 'memory:router', role: 'admin', principal: 'local', software: 'fuzzed' },
      deadlineMs: 5000,
      transport: {
        dealer: this.#dealer(() => undefined),
        subscriber: () => ({ subscribe: silent, unsubscribe: silent, close: silent }),
      },
      now: () => this.#now,
      random: () => this.#random.fraction(),
      randomBytes: (size) => this.#random.bytes(size),
      pause: () => Promise.resolve(),
      every: (_ms, run) => {
        this.#ticks.push(run)
        return silent
      },
    })
  }

  readonly #ticks: (() => void)[] = []

  #dealer(said: (head: Readonly<Record<string, unknown>>, body: Buffer) => void): OpenDealer {
    return (_endpoint, handlers) => {
      this.#handlers.push(handlers)
      return {
        send: async ({ heads, bodies }) => {
          for (const entry of decodeBundle([heads, bodies])) {
            must(entry.ok, 'the broker cannot read what it is sent')
            said({ ...entry.message.head }, entry.message.body)
          }
        },
        redial: silent,
        close: silent,
      }
    }
  }

  #hostSaid({ kind, id }: Readonly<Record<string, unknown>>, body: Buffer): void {
    if (kind !== 'REPLY' && kind !== 'ERROR') return
    if (kind === 'ERROR') decodeBody(ErrorBody, body)
    const owed = this.#owed.get(String(id)) ?? 0
    must(owed > 0, () => `an answer too many to ${JSON.stringify(id)}`)
    this.#owed.set(String(id), owed - 1)
  }

  async step(piece: Buffer): Promise<void> {
    const [what, much = 0] = piece
    if (what === STEP.frames) this.#receive(framesIn(piece))
    else if (what === STEP.welcome) this.#receive(framesOf([SAMPLES.WELCOME]))
    else if (what === STEP.tick) this.#tick(much)
    else if (what === STEP.disconnected) for (const one of this.#handlers) one.disconnected()
    else if (what === STEP.ask) this.#ask()
    await new Promise(setImmediate) // what follows from it, follows now
  }

  #receive(frames: readonly Buffer[]): void {
    for (const entry of entriesOf(frames)) {
      if (!entry.ok || entry.message.head.kind !== 'REQUEST') continue
      const { id } = entry.message.head
      this.#owed.set(id, (this.#owed.get(id) ?? 0) + 1)
    }
    for (const handlers of this.#handlers) handlers.receive(frames)
  }

  #tick(tenths: number): void {
    this.#now += tenths * 100
    this.#host.tick(this.#now)
    for (const tick of this.#ticks) tick()
  }

  /** Whatever comes of it is a result that fits, or an error of the table. */
  #ask(): void {
    this.#client.call('session.list', {}).then(
      ({ sessions }) => must(Array.isArray(sessions), 'a result that does not fit'),
      (thrown: unknown) =>
        must(thrown instanceof ProtocolError, () => `rejected: ${String(thrown)}`),
    )
  }

  async end(): Promise<void> {
    await this.#client.close()
    await this.#host.close(() => Promise.resolve())
  }
}

function entriesOf(frames: readonly Buffer[]) {
  try {
    return decodeBundle(frames)
  } catch {
    return []
  }
}

function silent(): void {}

/** The host logs at this level what is a defect of its own. */
function failWith(fields: Readonly<Record<string, unknown>>, event: string): void {
  throw fields['err'] instanceof Error ? fields['err'] : new Error(event)
}
