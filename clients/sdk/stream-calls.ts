/** The calls behind a reader of a stream. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Result } from '../../protocol/methods/index.ts'
import type { Caller } from './caller.ts'
import type { Feeds } from './feeds.ts'
import type { FollowPorts } from './follow.ts'
import { SDK_LIMITS } from './limits.ts'
import type { Page, RawChunk } from './reader.ts'

const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A full id; anything else is a name or the start of an id, which the broker can resolve. */
export function isSessionId(reference: string): boolean {
  return SESSION_ID.test(reference)
}

export function followPorts(
  caller: Pick<Caller, 'call'>,
  feeds: Pick<Feeds, 'join'>,
  { pause, random }: Pick<FollowPorts, 'pause' | 'random'>,
): FollowPorts {
  return {
    // One name for a session, so that all its readers share one feed.
    resolve: async (session, signal) => {
      if (isSessionId(session) || session.startsWith('@')) return session
      return (await caller.call('session.get', { session }, { signal })).session
    },
    join: (session, listener) => feeds.join(session, listener),
    read: async (session, range, signal) => {
      const params = { session, ...range, max_count: SDK_LIMITS.pageChunks }
      return toPage(await caller.call('stream.read', params, { signal }))
    },
    pause,
    random,
  }
}

function toPage({ chunks, gaps, next, head }: Result<'stream.read'>): Page {
  return { chunks: chunks.map(toRawChunk), gaps, next, head }
}

function toRawChunk(tuple: Result<'stream.read'>['chunks'][number]): RawChunk {
  const [seq, time, turn, code, body] = tuple
  if (body instanceof Uint8Array) return { seq, time, turn, code, body }
  const details = { what: 'result of stream.read', reason: `chunk ${seq} has no bytes` }
  throw new ProtocolError('INVALID_MESSAGE', details, { where: 'client' })
}
