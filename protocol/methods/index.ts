/** The table of methods. Types, validation, scopes and the reference all come from here. */
import type { Static } from '../typebox.ts'
import {
  AgentAnswer,
  AgentInterrupt,
  AgentKill,
  AgentPause,
  AgentProbe,
  AgentPrompt,
  AgentResume,
  AgentSetMode,
  AgentSignal,
  AgentStart,
  AgentStop,
  AgentWrite,
} from './agent.ts'
import { ApprovalAnswer, ApprovalList } from './approval.ts'
import { AuditRead } from './audit.ts'
import { SessionBatch } from './batch.ts'
import {
  SessionPause,
  SessionProbe,
  SessionResume,
  SessionSetMode,
  SessionSignal,
  SessionWrite,
} from './control.ts'
import { HostDrain, HostGet, HostList, HostRegister, HostUndrain, HostUsage } from './host.ts'
import { KeyAdd, KeyApprove, KeyList, KeyPending, KeyRevoke, KeyRotate } from './key.ts'
import { OutputQuery } from './output.ts'
import { StreamProgress, StreamReaders } from './readers.ts'
import {
  SessionAnnotate,
  SessionCreate,
  SessionGet,
  SessionInterrupt,
  SessionKill,
  SessionList,
  SessionPrompt,
  SessionRecover,
  SessionRemove,
  SessionRename,
  SessionStop,
} from './session.ts'
import { StateDelete, StateGet, StateList, StateSet } from './state.ts'
import { StreamClose, StreamOpen, StreamRead } from './stream.ts'
import { SystemHealth, SystemInfo, SystemMetrics } from './system.ts'
import { TaskApprove, TaskCreate, TaskGet, TaskList, TaskRemove, TaskUpdate } from './task.ts'
import { WorkflowCancel, WorkflowExecute, WorkflowGet, WorkflowList } from './workflow.ts'

export const METHODS = {
  'session.create': SessionCreate,
  'session.prompt': SessionPrompt,
  'session.interrupt': SessionInterrupt,
  'session.stop': SessionStop,
  'session.kill': SessionKill,
  'session.recover': SessionRecover,
  'session.remove': SessionRemove,
  'session.rename': SessionRename,
  'session.annotate': SessionAnnotate,
  'session.pause': SessionPause,
  'session.resume': SessionResume,
  'session.signal': SessionSignal,
  'session.write': SessionWrite,
  'session.probe': SessionProbe,
  'session.set_mode': SessionSetMode,
  'session.batch': SessionBatch,
  'session.get': SessionGet,
  'session.list': SessionList,
  'stream.open': StreamOpen,
  'stream.read': StreamRead,
  'stream.close': StreamClose,
  'stream.progress': StreamProgress,
  'stream.readers': StreamReaders,
  'approval.list': ApprovalList,
  'approval.answer': ApprovalAnswer,
  'host.list': HostList,
  'host.get': HostGet,
  'host.drain': HostDrain,
  'host.undrain': HostUndrain,
  'host.register': HostRegister,
  'host.usage': HostUsage,
  'output.query': OutputQuery,
  'workflow.execute': WorkflowExecute,
  'workflow.get': WorkflowGet,
  'workflow.list': WorkflowList,
  'workflow.cancel': WorkflowCancel,
  'task.create': TaskCreate,
  'task.get': TaskGet,
  'task.list': TaskList,
  'task.update': TaskUpdate,
  'task.approve': TaskApprove,
  'task.remove': TaskRemove,
  'state.get': StateGet,
  'state.set': StateSet,
  'state.delete': StateDelete,
  'state.list': StateList,
  'key.add': KeyAdd,
  'key.list': KeyList,
  'key.pending': KeyPending,
  'key.approve': KeyApprove,
  'key.revoke': KeyRevoke,
  'key.rotate': KeyRotate,
  'system.info': SystemInfo,
  'system.health': SystemHealth,
  'system.metrics': SystemMetrics,
  'audit.read': AuditRead,
  'agent.start': AgentStart,
  'agent.prompt': AgentPrompt,
  'agent.interrupt': AgentInterrupt,
  'agent.answer': AgentAnswer,
  'agent.stop': AgentStop,
  'agent.kill': AgentKill,
  'agent.pause': AgentPause,
  'agent.resume': AgentResume,
  'agent.signal': AgentSignal,
  'agent.write': AgentWrite,
  'agent.probe': AgentProbe,
  'agent.set_mode': AgentSetMode,
} as const

export type MethodName = keyof typeof METHODS
export type Params<M extends MethodName> = Static<(typeof METHODS)[M]['params']>
export type Result<M extends MethodName> = Static<(typeof METHODS)[M]['result']>

type AnsweredBy<W extends 'broker' | 'host'> = {
  [M in MethodName]: (typeof METHODS)[M] extends { readonly answeredBy: W } ? M : never
}[MethodName]

/** Methods that the broker answers. */
export type BrokerMethod = AnsweredBy<'broker'>
/** Methods that hosts answer, to the broker only. */
export type HostMethod = AnsweredBy<'host'>

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name)
}
