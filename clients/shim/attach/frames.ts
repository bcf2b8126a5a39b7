/** Frames of an attach socket: four bytes of length, big-endian, then JSON `{type, payload, seq?}`. */

/** Bytes of one frame. */
export const MAX_FRAME_BYTES = 10_485_760

/** Bytes of the first frame of a client. */
export const MAX_HANDSHAKE_BYTES = 65_536

export interface Frame {
  readonly type: string
  readonly payload: unknown
  readonly seq?: number
}

/** What came is no frame; nothing behind it can be understood. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

export function encodeFrame(frame: Frame): Buffer {
  const body = Buffer.from(JSON.stringify(frame))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** Puts frames together from pieces, however they were cut. */
export class FrameReader {
  /** Bytes that a frame may have; little until it is known who sends them. */
  limit = MAX_HANDSHAKE_BYTES
  #pieces: Buffer[] = []
  #bytes = 0

  /** The frames that are complete with this piece. Throws BadFrame. */
  take(piece: Buffer): readonly Frame[] {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    const frames: Frame[] = []
    for (let length = this.#due(); length !== undefined; length = this.#due()) {
      if (this.#bytes < 4 + length) break
      const all = this.#join()
      this.#pieces = [all.subarray(4 + length)]
      this.#bytes -= 4 + length
      frames.push(parse(all.subarray(4, 4 + length)))
    }
    return frames
  }

  /** Length of the frame that has begun; undefined while that is not known. */
  #due(): number | undefined {
    if (this.#bytes < 4) return undefined
    const first = this.#pieces[0]
    const head = first && first.length >= 4 ? first : this.#join()
    const length = head.readUInt32BE(0)
    if (length > this.limit) {
      throw new BadFrame(`a frame of ${length} bytes exceeds the limit of ${this.limit}`)
    }
    return length
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all
  }
}

function parse(body: Buffer): Frame {
  const value = fromJson(body)
  if (typeof value !== 'object' || value === null) throw new BadFrame('a frame holds an object')
  const { type, payload, seq } = value as Partial<Record<keyof Frame, unknown>>
  if (typeof type !== 'string') throw new BadFrame('missing field `type`')
  if (payload === undefined) throw new BadFrame('missing field `payload`')
  return { type, payload, ...(typeof seq === 'number' && { seq }) }
}

function fromJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw new BadFrame(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
