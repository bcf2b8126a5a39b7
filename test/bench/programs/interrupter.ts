/** Interrupts a child that writes without end, again and again, and tells how long it took to hear of it. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { connect } from '../../../clients/sdk/index.ts'
import { latencyOf } from '../figures/percentiles.ts'
import { machineNow } from '../load/clock.ts'
import { optionsOf, serve } from './serve.ts'
import { askFor, interruptIn, TICKER } from './ticker-lines.ts'

export type InterrupterOptions =
  | { readonly kind: 'agentmq'; readonly connect: object; readonly session: string }
  | { readonly kind: 'pipe' }

/** More lines than are ever written before the interrupt, one each ms. */
const FLOW = askFor({ count: 1_000_000, meanMs: 1 })
/** Lines that have to be seen before each interrupt. */
const LINES = 200

interface Flowing {
  begin(): Promise<unknown>
  interrupt(): Promise<unknown>
}

/** What the child wrote: how many lines of this round, and whoever waits for one of its words. */
class Watch {
  #lines = 0
  #onFlow: (() => void) | undefined
  #onInterrupted: ((at: number) => void) | undefined

  /** `content` may be several lines. */
  heard(content: string): void {
    this.#lines += content.split('\n').length
    if (this.#lines >= LINES) this.#onFlow?.()
    const at = interruptIn(content)
    if (at !== undefined) this.#onInterrupted?.(at)
  }

  flows(): Promise<void> {
    this.#lines = 0
    return new Promise((resolve) => {
      this.#onFlow = resolve
    })
  }

  interrupted(): Promise<number> {
    return new Promise((resolve) => {
      this.#onInterrupted = resolve
    })
  }
}

const watch = new Watch()

async function throughAgentmq(place: object, id: string): Promise<Flowing> {
  const client = await connect(place)
  const session = client.session(id)
  let ended = (): void => undefined
  const read = async (): Promise<void> => {
    for await (const item of session.follow()) {
      if (item.type === 'text') watch.heard(item.content)
      else if (item.type === 'turn_complete') ended()
    }
  }
  void read()
  let over: Promise<void> = Promise.resolve()
  return {
    begin: async () => {
      await over
      over = new Promise((resolve) => {
        ended = resolve
      })
      await session.prompt(FLOW)
    },
    interrupt: () => session.interrupt(),
  }
}

function throughPipe(): Flowing {
  const child = spawn(process.execPath, [TICKER], { stdio: ['pipe', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill())
  createInterface({ input: child.stdout }).on('line', (line) => watch.heard(line))
  return {
    begin: async () => child.stdin.write(`${FLOW}\n`),
    interrupt: async () => child.kill('SIGINT'),
  }
}

const options = optionsOf<InterrupterOptions>()
const flowing =
  options.kind === 'pipe' ? throughPipe() : await throughAgentmq(options.connect, options.session)

serve({
  rounds: async ({ count }: { count: number }) => {
    const latencies: number[] = []
    for (let round = 0; round < count; round += 1) {
      const flows = watch.flows()
      await flowing.begin()
      await flows
      const heard = watch.interrupted()
      const askedAt = machineNow()
      await flowing.interrupt()
      latencies.push((await heard) - askedAt)
    }
    return latencyOf(latencies)
  },
})
