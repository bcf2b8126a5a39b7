/** What one model API is to the server: a name and its routes. A new API is one more file of these. */

import type { Exchange } from './exchange.ts'
import type { Script } from './script.ts'

export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: RegExp
  /** May throw once the exchange is gone; the server expects that. */
  handle(exchange: Exchange, script: Script): Promise<void> | void
}

export interface WireApi {
  readonly name: string
  readonly routes: readonly Route[]
}
