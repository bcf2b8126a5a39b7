/** The public surface of the protocol: what another implementation in this language may build on. */
export { type Bundle, decodeBundle, encodeBundle, type Message, type Received } from './bundle.ts'
export { decodeBody, decodeUntrusted, EMPTY, encode } from './codec.ts'
export {
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type Executed,
  ProtocolError,
  type Where,
  type WireError,
} from './errors.ts'
export { WIRE_LIMITS, type WireLimits } from './limits.ts'
export {
  CHUNK_CODES,
  CHUNKS,
  type Chunk,
  type ChunkBody,
  type ChunkType,
  chunkType,
  type StreamChunk,
} from './messages/chunk.ts'
export { type Head, MESSAGES, type MessageKind } from './messages/index.ts'
export { ROLE_SCOPES, SCOPES, type Scope } from './methods/define.ts'
export {
  type BrokerMethod,
  type HostMethod,
  METHODS,
  type MethodName,
  type Params,
  type Result,
} from './methods/index.ts'
export { FEATURES, PROTOCOL_MAJOR, PROTOCOL_MINOR, PROTOCOL_VERSION } from './version.ts'
