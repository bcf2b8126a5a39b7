/** Head fields that several families share. */
import { Type } from '../typebox.ts'

export const requestId = Type.String({
  maxLength: 64,
  description: 'Chosen by the asking side, unique on its connection; empty = the connection itself',
})
export const session = Type.String({ minLength: 1, maxLength: 128, description: 'Session id' })
export const epoch = Type.Integer({ minimum: 0, description: 'Lease epoch of the session' })
export const sequence = Type.Integer({ minimum: 0, description: "The broker's number of a chunk" })
export const producerSequence = Type.Integer({
  minimum: 0,
  description: "The host's own number of a chunk in this epoch, from 1",
})
export const turn = Type.Integer({ minimum: 0, description: 'Turn number, from 1; 0 = none' })
export const chunkCode = Type.Integer({
  minimum: 1,
  maximum: 255,
  description: 'Chunk type, a number of the chunk table',
})
