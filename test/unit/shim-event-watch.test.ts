/** What doors hear of the broker, when hearing fails. */
import { once } from 'node:events'
import t from 'tap'
import type { Client, StreamItem } from '../../clients/sdk/index.ts'
import { EventWatch } from '../../clients/shim/event-watch.ts'
import { ProtocolError } from '../../protocol/errors.ts'

type Follow = ReturnType<Client['follow']>

const item = (seq: number) => ({ type: 'event', seq }) as unknown as StreamItem

/** Each run of the stream gives what is said for it, and then fails, or never ends. */
function scripted(runs: readonly (readonly StreamItem[])[]) {
  const asked: (number | undefined)[] = []
  const client = {
    call: async () => ({ head: 6 }),
    follow: (_session: string, { from, signal }: { from?: number; signal?: AbortSignal }) => {
      const items = runs[asked.length] ?? []
      const isLast = asked.length === runs.length - 1
      asked.push(from)
      return (async function* () {
        yield* items
        if (!isLast) throw new ProtocolError('OVERLOADED', { what: 'tickets', limit: 1 })
        if (!signal?.aborted) await once(signal as AbortSignal, 'abort')
        throw new ProtocolError('CANCELLED')
      })() as unknown as Follow
    },
  }
  return { asked, client: client as unknown as Pick<Client, 'call' | 'follow'> }
}

t.test('a watch goes on behind what it heard, whatever failed', async (t) => {
  const { asked, client } = scripted([[item(7), item(8)], [item(9)], [item(10), item(11)]])
  const heard: number[] = []
  const troubles: string[] = []
  const pauses: number[] = []
  let hearLast = (): void => undefined
  const last = new Promise<void>((resolve) => {
    hearLast = resolve
  })
  const watch = new EventWatch({
    client,
    pause: async (ms) => void pauses.push(ms),
    heard: async (one) => {
      if (one.type === 'gap') return
      heard.push(one.seq)
      if (one.seq === 9) throw new ProtocolError('INTERNAL', { reason: 'heard badly' })
      if (one.seq === 11) hearLast()
    },
    trouble: ({ code }) => troubles.push(code),
  })
  await watch.begin()
  watch.run()
  await last
  await watch.stop()
  t.same(heard, [7, 8, 9, 10, 11], 'one that made trouble is not heard twice')
  t.same(asked, [7, 9, 10])
  t.same(troubles, ['OVERLOADED', 'INTERNAL'], 'the end by wish is none')
  t.equal(pauses.length, 2)
})
