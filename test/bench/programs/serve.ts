/** What every program of the bench is at its edge: options as JSON, orders and answers over IPC. */

export interface Order {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }

type Orders = Readonly<Record<string, (argument: never) => unknown>>

/** The options that `Stage.program` gave. */
export function optionsOf<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Says that it is ready, then carries out orders until whoever started it is gone. */
export function serve(orders: Orders): void {
  process.on('message', (order: Order) => void carryOut(orders, order))
  process.on('disconnect', () => process.exit(0))
  tell({ id: 0, result: 'ready' })
}

/** Whoever asked may be gone. */
function tell(answer: Answer): void {
  if (process.connected) process.send?.(answer, undefined, undefined, () => undefined)
}

async function carryOut(orders: Orders, { id, name, argument }: Order): Promise<void> {
  try {
    const order = orders[name]
    if (!order) throw new Error(`no order ${name}`)
    tell({ id, result: await order(argument as never) })
  } catch (thrown) {
    tell({ id, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) })
  }
}
