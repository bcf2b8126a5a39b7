/** The threat model: all rows, in the order of docs/security.md. */
import { IDENTITY } from './identity.ts'
import { MACHINE } from './machine.ts'
import { RIGHTS } from './rights.ts'
import { STREAMS } from './streams.ts'
import type { Threat } from './threat.ts'
import { TRANSPORT } from './transport.ts'

export const THREATS: readonly Threat[] = [
  ...TRANSPORT,
  ...IDENTITY,
  ...RIGHTS,
  ...STREAMS,
  ...MACHINE,
]
