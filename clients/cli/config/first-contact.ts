/** The first try of a new context: the key of this machine knocks, and what comes of it is told. */
import type { PlaceSettings } from '../../../protocol/endpoints.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Cli } from '../command.ts'
import { connectOptions } from '../settings.ts'

/** Long enough to tell a key that is not approved from one of the wrong broker. */
const TRY_MS = 3000

export type Contact =
  | { readonly status: 'connected'; readonly principal: string; readonly roles: readonly string[] }
  | { readonly status: 'failed'; readonly error: ProtocolError }

/** Connects once. Rejects when it was told to end. */
export async function tryContext(
  place: PlaceSettings,
  { env, interrupts, software }: Cli,
): Promise<Contact> {
  const { connect } = await import('../../sdk/index.ts')
  const { signal } = interrupts
  const options = { ...connectOptions(env, place), connectTimeoutMs: TRY_MS, signal, software }
  try {
    const client = await connect(options)
    const { principal, roles } = client.welcome
    await client.close()
    return { status: 'connected', principal, roles }
  } catch (thrown) {
    if (signal.aborted) throw thrown
    return { status: 'failed', error: ProtocolError.from(thrown, 'cli') }
  }
}
