/** Maps of more than 65,535 keys: what arrives as one can be written again, wherever that has to be done. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { ChunkLog } from '../../agent-host/chunk-log.ts'
import { decodeSmall, encodeSmall } from '../../broker/journal/record.ts'
import { decodeUntrusted, encode } from '../../protocol/codec.ts'
import { decodeChunk } from '../../protocol/messages/chunk-decoding.ts'
import { Client, demo, setUp } from '../support/core-peers.ts'

const LARGE = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, 'v']))

t.test('one survives the wire and the journal', async (t) => {
  t.ok(isDeepStrictEqual(decodeUntrusted(encode({ env: LARGE })), { env: LARGE }))
  const { value } = decodeSmall('state', 'k', encodeSmall('state', 'k', LARGE)) ?? {}
  t.ok(isDeepStrictEqual(value, LARGE))
})

t.test('one in a request costs those who share its commit nothing', async (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const other = new Client(harness)
  const created = client.ask('session.create', { ...demo, env: LARGE })
  const task = other.ask('task.create', { title: 'dig' })
  harness.settle()
  t.match(client.resultOf('session.create', created), { status: 'idle' })
  t.match(other.resultOf('task.create', task), { title: 'dig' })
})

t.test('one as the input of a tool is passed on by the host', async (t) => {
  const log = new ChunkLog()
  log.add(1, { type: 'tool_use_input', tool_id: 't', input: LARGE })
  const taken = log.take()
  if (!taken) throw new Error('no chunk')
  const { sequence: seq, turn, type: code, body } = taken
  const chunk = decodeChunk({ seq, time: 0, turn, code, body })
  t.ok(chunk.type === 'tool_use_input' && isDeepStrictEqual(chunk.input, LARGE))
})
