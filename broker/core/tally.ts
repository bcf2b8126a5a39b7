/**
 * What the core counts as it goes, for broker/metrics/. Plain numbers, because what is counted for each
 * call and chunk must cost next to nothing. Methods and codes come from tables, so nothing here grows.
 */
import type { Message } from '../../protocol/bundle.ts'
import { type ErrorCode, isErrorCode } from '../../protocol/errors.ts'
import { type BrokerMethod, isMethod, type MethodName } from '../../protocol/methods/index.ts'
import { Histogram } from './histogram.ts'
import type { LimitName } from './limit-names.ts'

/** A request that went well. */
const OK = 'OK'
/** Stands for every method and every code that this version does not know. */
const UNKNOWN = 'unknown'

/** From a reply out of memory to the default deadline, s. */
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 30]
/** From a fast disk to one that is stuck, s. */
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const COMMIT_OPERATIONS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]

type CallEnd = ErrorCode | typeof OK | typeof UNKNOWN

export class Tally {
  readonly callEnds = new Map<MethodName | typeof UNKNOWN, Map<CallEnd, number>>()
  readonly callSeconds = new Map<BrokerMethod, Histogram>()
  readonly commitSeconds = new Histogram(COMMIT_SECONDS)
  readonly commitOperations = new Histogram(COMMIT_OPERATIONS)
  failedCommits = 0
  chunksTaken = 0
  bytesTaken = 0
  chunksRepeated = 0
  chunksPublished = 0
  bytesPublished = 0
  readonly limitsReached = new Map<LimitName, number>()

  /** A request was answered; `code` is that of an error, which may come from another version. */
  answered(method: BrokerMethod, code: string | undefined, afterMs: number): void {
    if (code === undefined) this.#count(method, OK)
    else this.#count(method, isErrorCode(code) ? code : UNKNOWN)
    let seconds = this.callSeconds.get(method)
    if (!seconds) {
      seconds = new Histogram(CALL_SECONDS)
      this.callSeconds.set(method, seconds)
    }
    seconds.observe(afterMs / 1000)
  }

  /** A request was not even begun. */
  refused(method: string, code: ErrorCode): void {
    this.#count(isMethod(method) ? method : UNKNOWN, code)
  }

  #count(method: MethodName | typeof UNKNOWN, code: CallEnd): void {
    const byCode = this.callEnds.get(method)
    if (byCode) byCode.set(code, (byCode.get(code) ?? 0) + 1)
    else this.callEnds.set(method, new Map([[code, 1]]))
  }

  /** A limit was reached. */
  reached(limit: LimitName): void {
    this.limitsReached.set(limit, (this.limitsReached.get(limit) ?? 0) + 1)
  }

  /** The journal has stored, or failed to store, one group. */
  committed(operations: number, tookMs: number, error: Error | undefined): void {
    if (error) this.failedCommits += 1
    else {
      this.commitSeconds.observe(tookMs / 1000)
      this.commitOperations.observe(operations)
    }
  }

  /** A chunk of a host was new. */
  took(bytes: number): void {
    this.chunksTaken += 1
    this.bytesTaken += bytes
  }

  published(messages: readonly Message[]): void {
    for (const { head, body } of messages) {
      if (head.kind !== 'CHUNK') continue
      this.chunksPublished += 1
      this.bytesPublished += body.length
    }
  }
}
