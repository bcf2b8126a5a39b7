/** One message on a REQ socket. */
import { Request } from 'zeromq'
import { isObject, type Json } from '../exact-json.ts'
import type { Answer } from '../expectation.ts'
import { packed, unpacked } from './msgpack.ts'
import { ANSWER_MS } from './patience.ts'

export async function sendReq(endpoint: string, send: Json): Promise<Answer> {
  const socket = new Request({ linger: 0, receiveTimeout: ANSWER_MS, sendTimeout: ANSWER_MS })
  try {
    socket.connect(endpoint)
    await socket.send(bytesOf(send))
    const [reply] = await socket.receive()
    return { json: unpacked(reply ?? new Uint8Array()), silent: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return { silent: true }
    throw error
  } finally {
    socket.close()
  }
}

/** The hex of a case is to the byte what a Rust client sends, so it goes before the array. */
function bytesOf(send: Json): Buffer {
  if (!isObject(send)) throw new Error('what goes to a REQ socket is {array}, {map} or {hex}')
  const { hex, array, map } = send
  if (typeof hex === 'string') return Buffer.from(hex.replace(/\s/g, ''), 'hex')
  return packed(array ?? map ?? null)
}
