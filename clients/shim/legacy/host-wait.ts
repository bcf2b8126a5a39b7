/**
 * Clients of the old daemon ask as soon as HTTP answers, and once. The host of this machine is started beside
 * the shim, or again after it died, and may need a moment longer.
 */
import { isCode } from './failures.ts'
import type { LegacyPorts } from './ports.ts'

/** Between two tries, ms. */
const TRY_AGAIN_MS = 100

/** Asks again while no host is connected; what that refuses has not been done. */
export async function withHost<T>(
  { now, pause, hostWaitMs }: Pick<LegacyPorts, 'now' | 'pause' | 'hostWaitMs'>,
  ask: () => Promise<T>,
): Promise<T> {
  const end = now() + hostWaitMs
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      if (!isCode(thrown, 'NO_HOST') || now() >= end) throw thrown
    }
    await pause(TRY_AGAIN_MS)
  }
}
