/** A program of the bench as seen by whoever gives it orders. */
import { once } from 'node:events'
import type { Answer, Order } from '../programs/serve.ts'
import type { Running } from './running.ts'

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

export class Program {
  readonly running: Running
  readonly #waiting = new Map<number, Waiting>()
  #orders = 0

  /** Resolves when the program can take orders. */
  static async start(running: Running): Promise<Program> {
    await running.untilReady(once(running.process, 'message'))
    return new Program(running)
  }

  private constructor(running: Running) {
    this.running = running
    running.process.on('message', (answer: Answer) => this.#answered(answer))
    running.process.on('error', () => undefined) // an order to one that has just ended
    void running.exited.then((end) => this.#ended(end))
  }

  get pid(): number {
    return this.running.pid
  }

  ask<T = void>(name: string, argument: unknown = null): Promise<T> {
    this.#orders += 1
    const order: Order = { id: this.#orders, name, argument }
    return new Promise((resolve, reject) => {
      this.#waiting.set(order.id, { resolve: resolve as Waiting['resolve'], reject })
      this.running.process.send(order)
    })
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer) waiting?.reject(new Error(`${this.running.name}: ${answer.error}`))
    else waiting?.resolve(answer.result)
  }

  #ended(end: string): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new Error(`${this.running.name} ended with ${end}`))
    }
    this.#waiting.clear()
  }
}
