/** What a client types, in whatever pieces, as whole lines: an agent gets lines, or prompts. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { MAX_STDIN_LINE } from '../../../protocol/methods/control.ts'

export class StdinLines {
  #open: Buffer<ArrayBufferLike> = Buffer.alloc(0)

  /** The lines that are complete now, with their newlines; empty when there is none. Throws ProtocolError. */
  take(payload: unknown): string {
    const bytes = Buffer.concat([this.#open, bytesOf(payload)])
    const end = bytes.lastIndexOf(0x0a) + 1
    const rest = bytes.subarray(end)
    this.#open = rest.length > MAX_STDIN_LINE ? Buffer.alloc(0) : Buffer.from(rest)
    if (rest.length > MAX_STDIN_LINE) {
      const details = { what: 'a line of stdin', size: rest.length, limit: MAX_STDIN_LINE }
      throw new ProtocolError('TOO_LARGE', details, { where: 'client' })
    }
    return bytes.toString('utf8', 0, end)
  }
}

function bytesOf(payload: unknown): Buffer {
  const data = (payload as { readonly data?: unknown } | null)?.data
  if (typeof data === 'string') return Buffer.from(data, 'base64')
  const details = { what: 'stdin', reason: 'data is base64 text' }
  throw new ProtocolError('INVALID_MESSAGE', details, { where: 'client' })
}
