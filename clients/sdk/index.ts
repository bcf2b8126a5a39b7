/** The public surface of the SDK. */
export { ERRORS, type ErrorCode, type Executed, ProtocolError } from '../../protocol/errors.ts'
export type { AuditRecord } from '../../protocol/messages/audit.ts'
export type {
  ApprovalDecision,
  ApprovalOutcome,
  Chunk,
  ChunkBody,
  ChunkType,
  EventTopic,
  StreamChunk,
} from '../../protocol/messages/chunk.ts'
export type { WelcomeBody } from '../../protocol/messages/handshake.ts'
export type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
export type { ApprovalPolicy, WhenBusy } from '../../protocol/methods/session.ts'
export type { StateEntry } from '../../protocol/methods/state.ts'
export type { TaskInfo, TaskStatus } from '../../protocol/methods/task.ts'
export type {
  ApprovalInfo,
  ApprovalState,
  BackendInfo,
  HostInfo,
  HostStatus,
  SessionInfo,
  SessionStatus,
} from '../../protocol/methods/types.ts'
export type { Actor } from './actor.ts'
export type { ApprovalFilter, ApprovalReply, WatchOptions } from './approvals.ts'
export { type AuditPage, type AuditQuery, auditItems } from './audit.ts'
export type { CallOptions } from './caller.ts'
export { Client } from './client.ts'
export { type ConnectOptions, connect } from './connect.ts'
export type { Follow, FollowOptions } from './follow.ts'
export type { OutputLine, OutputOptions } from './output-lines.ts'
export type { Gap } from './reader.ts'
export { type PromptOptions, SessionHandle } from './session-handle.ts'
export type { ConnectionStatus } from './status.ts'
export type { StreamItem, UnknownChunk } from './stream-item.ts'
