/** The session of a chat: a new one, or one to come back to. */

import type { Client, SessionHandle } from '../../sdk/index.ts'
import { chooseBackend } from '../backend-choice.ts'
import type { Cli } from '../command.ts'
import { createParams, ownDirectory, type SessionFlags } from '../session-options.ts'
import { handleOf, hasEnded, shortId } from '../session-text.ts'
import type { CliSettings } from '../settings.ts'

export interface OpenedSession {
  readonly session: SessionHandle
  /** First sequence to show. */
  readonly from: number
  readonly isNew: boolean
}

export interface NewSessionFlags extends SessionFlags {
  readonly backend?: string | undefined
}

export async function newSession(
  client: Client,
  flags: NewSessionFlags,
  settings: CliSettings,
  cli: Cli,
): Promise<OpenedSession> {
  const backend = flags.backend ?? settings.backend ?? (await chosenBackend(client, cli))
  const session = await client.createSession(
    createParams(flags, backend, ownDirectory(cli, settings)),
  )
  const { info } = session
  cli.output.note(
    `· session ${handleOf(info)} · ${info.backend} · host ${shortId(info.host)} · ${info.cwd}`,
  )
  return { session, from: 1, isNew: true }
}

async function chosenBackend(client: Client, cli: Cli): Promise<string> {
  const { hosts } = await client.call('host.list', {}, { signal: cli.signal })
  const { backend, because } = chooseBackend(hosts)
  cli.output.note(`· using ${because}`)
  return backend
}

/** A session that has ended is recovered first. */
export async function oldSession(
  client: Client,
  reference: string,
  cli: Cli,
): Promise<OpenedSession> {
  const session = client.session(reference)
  const info = await session.refresh({ signal: cli.signal })
  if (hasEnded(info.status)) {
    await session.recover()
    cli.output.note(`· session ${handleOf(info)} had ended and is recovered`)
  } else cli.output.note(`· back in session ${handleOf(info)} (${info.status})`)
  return { session, from: info.head + 1, isNew: false }
}
