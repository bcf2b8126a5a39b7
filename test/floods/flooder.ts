/** The process of one flood: says how much it has sent every now and then. Ended by its parent. */
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { FLOODS, type FloodKind } from './kinds.ts'

const TELL_MS = 100

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
setInterval(() => process.send?.({ sent }), TELL_MS)
process.on('disconnect', () => process.exit(0))
await FLOODS[options.kind]({ ...options, keys }, (count) => {
  sent += count
})
