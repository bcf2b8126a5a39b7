/** The process of one flood: says how much it has sent whenever a second has passed. Ended by its parent. */
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { FLOODS, type FloodKind } from './kinds.ts'

export interface FlooderOptions {
  readonly kind: FloodKind
  readonly endpoint: string
  readonly streams: string
  readonly brokerKey: string
  readonly own: { readonly publicKey: string; readonly secretKey: string }
}

const options = JSON.parse(process.argv[2] ?? '{}') as FlooderOptions
const keys = { own: options.own, ring: new KeyRing([options.brokerKey]) }
let sent = 0
process.send?.({ sent })
setInterval(() => process.send?.({ sent }), 1000)
process.on('disconnect', () => process.exit(0))
await FLOODS[options.kind]({ ...options, keys }, (count) => {
  sent += count
})
