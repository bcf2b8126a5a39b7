/** The exit code that the end of a turn stands for. */
import type { TurnReason } from '../../protocol/messages/chunk.ts'
import { EXIT } from './exit-codes.ts'

export function turnExit(reason: TurnReason): number {
  if (reason === 'end_turn') return EXIT.ok
  return reason === 'interrupted' ? EXIT.interrupted : EXIT.failed
}
