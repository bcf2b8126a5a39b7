/** What a supervisor tells while it works. */
import type { PartName } from '../parts.ts'

/** What a part says of itself once it is usable, by name: its endpoints, its id; of a shim, its open doors. */
export type ReadyInfo = Readonly<Record<string, string>>

export type SupervisorEvent =
  | { readonly type: 'starting'; readonly part: PartName }
  | {
      readonly type: 'ready'
      readonly part: PartName
      readonly pid: number
      readonly elapsedMs: number
      readonly info: ReadyInfo
    }
  | { readonly type: 'said'; readonly part: PartName; readonly line: string }
  | {
      readonly type: 'died'
      readonly part: PartName
      readonly how: string
      readonly restartMs: number
    }
  | { readonly type: 'stopping'; readonly part: PartName }
  | { readonly type: 'stopped'; readonly part: PartName; readonly how: string }
