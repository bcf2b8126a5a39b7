/** A second address of a door: one that cannot be had is told in the log, and the door stays open. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { DoorContext } from './door.ts'

export async function openAlias(
  { log }: Pick<DoorContext, 'log'>,
  open: () => Promise<void>,
): Promise<void> {
  try {
    await open()
  } catch (thrown) {
    const { code, message } = ProtocolError.from(thrown, 'client')
    log.error({ code, reason: message }, 'second address not opened')
  }
}
