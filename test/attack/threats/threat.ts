/** One row of the threat model: who does what, what stops it, which test shows that, and what removes the defence. */

/** A place in a compiled file of the product, and what stands there when the defence is taken out. */
export interface Removal {
  /** Below `dist`, without `.js`. */
  readonly file: string
  /** Occurs there once. */
  readonly find: string
  readonly replace: string
}

export interface Threat {
  /** Short and stable: the recorded run is kept under it. */
  readonly id: string
  readonly who: string
  readonly what: string
  /** What stops it. */
  readonly how: string
  /** Below `test`, without `.test.ts`. */
  readonly file: string
  /** Name of the test. */
  readonly test: string
  /** What takes the defence out; none where it is that of libzmq, or shown elsewhere. */
  readonly without: readonly Removal[]
}

/** Who attacks, from far away to within. */
export const WHO = {
  network: 'anybody on the network',
  path: 'somebody between a peer and the broker',
  stranger: 'a key that is not known',
  revoked: 'a revoked key',
  observer: 'the key of an observer',
  operator: 'the key of an operator',
  host: 'the key of a host',
  gateway: 'the key of a gateway',
  thief: 'a thief of the key of the broker',
  broker: 'a broker of somebody else',
  user: 'another user of the machine',
  disk: 'a disk, or whoever writes to it',
} as const
