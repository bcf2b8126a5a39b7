/** For answers that depend on a change which is not on disk yet, and may fall back. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { BrokerMethod } from '../../protocol/methods/index.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'

/** Goes on when all that was decided before is on disk; fails the call when it is not going to be. */
export function onceWritten<M extends BrokerMethod>(
  core: Core,
  call: Call<M>,
  goOn: () => void,
): void {
  core.batch.add([], (error) => {
    if (error) call.fail(ProtocolError.from(error, 'broker', 'no'))
    // Whoever gave up was told that it was not done, so it must not be.
    else if (call.isAbandoned()) call.fail(new ProtocolError('CANCELLED'))
    else orFail(call, goOn)
  })
}

/** Nothing is left on the stack to catch what it throws. */
export function orFail<M extends BrokerMethod>(call: Call<M>, goOn: () => void): void {
  try {
    goOn()
  } catch (thrown) {
    call.fail(ProtocolError.from(thrown, 'broker', 'unknown'))
  }
}
