/** Keeps the parts of one machine running until somebody asks for their end. */
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { Output } from '../output.ts'
import { PartFailed } from './part-failed.ts'
import type { Supervisor } from './supervisor.ts'

/** Runs until a signal comes. The first one stops the parts in order, the second one kills them. */
export async function supervise(
  supervisor: Supervisor,
  cli: Pick<Cli, 'interrupts' | 'output'>,
  up: () => Promise<void>,
): Promise<number> {
  let isKilled = false
  const asked = new Promise<void>((resolve) => {
    let isAsked = false
    cli.interrupts.take(() => {
      if (isAsked) {
        isKilled = true
        supervisor.kill()
      }
      isAsked = true
      resolve()
    })
  })
  const running = supervisor.start().then(async () => {
    await up()
    await asked
  })
  try {
    await Promise.race([asked, running])
  } catch (thrown) {
    if (thrown instanceof PartFailed) return failed(thrown, cli.output)
    throw thrown
  } finally {
    await supervisor.stop()
    running.catch(() => undefined)
  }
  return isKilled ? EXIT.interrupted : EXIT.ok
}

/** The part has said on stderr why it failed, and its exit code says what sort of failure it was. */
function failed(thrown: PartFailed, output: Output): number {
  output.alert(`agentmq: ${thrown.message}`)
  return thrown.exitCode || EXIT.failed
}
