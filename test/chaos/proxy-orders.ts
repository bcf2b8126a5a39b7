/** What the driver and the process of its proxies say to each other. */
import type { Line } from './places.ts'
import type { ProxyOptions } from './proxy.ts'

export type ProxiesOptions = Readonly<Record<Line, ProxyOptions>>

/** What is to become of the connections of one line (proxy.ts). */
export type ProxyOrder =
  | 'heal'
  | 'hold'
  | 'refuse'
  | 'cut'
  | 'half-open'
  | { readonly delayMs: number }

/** `id` comes back when it is done. */
export interface LineOrder {
  readonly id: number
  readonly line: Line
  readonly order: ProxyOrder
}

/** 0 = all proxies listen. */
export interface Done {
  readonly done: number
}
