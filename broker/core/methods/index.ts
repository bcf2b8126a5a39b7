/** The table: method -> handler. A method that is added does not compile until it is here. */
import type { BrokerMethod } from '../../../protocol/methods/index.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { approvalAnswer, approvalList } from './approval.ts'
import { auditRead } from './audit.ts'
import { hostGet, hostList, hostRegister, hostUsage } from './host.ts'
import { hostDrain, hostUndrain } from './host-drain.ts'
import { keyAdd, keyApprove, keyList, keyPending, keyRevoke, keyRotate } from './key.ts'
import { outputQuery } from './output.ts'
import { streamProgress, streamReaders } from './readers.ts'
import { sessionAnnotate } from './session-annotate.ts'
import { sessionBatch } from './session-batch.ts'
import { sessionInterrupt, sessionKill, sessionStop } from './session-control.ts'
import { sessionCreate } from './session-create.ts'
import { sessionPause, sessionResume } from './session-pause.ts'
import { sessionProbe } from './session-probe.ts'
import { sessionSetMode, sessionSignal, sessionWrite } from './session-process.ts'
import { sessionPrompt } from './session-prompt.ts'
import { sessionGet, sessionList } from './session-query.ts'
import { sessionRecover } from './session-recover.ts'
import { sessionRemove, sessionRename } from './session-remove.ts'
import { stateDelete, stateGet, stateList, stateSet } from './state.ts'
import { streamClose, streamOpen, streamRead } from './stream.ts'
import { systemHealth, systemInfo, systemMetrics } from './system.ts'
import { taskApprove, taskCreate, taskGet, taskList, taskRemove, taskUpdate } from './task.ts'
import { workflowCancel, workflowExecute, workflowGet, workflowList } from './workflow.ts'

/** Throws a ProtocolError, or ends the call, now or later, exactly once. */
export type MethodHandler<M extends BrokerMethod> = (core: Core, call: Call<M>) => void

export const METHOD_HANDLERS: { readonly [M in BrokerMethod]: MethodHandler<M> } = {
  'session.create': sessionCreate,
  'session.prompt': sessionPrompt,
  'session.interrupt': sessionInterrupt,
  'session.stop': sessionStop,
  'session.kill': sessionKill,
  'session.recover': sessionRecover,
  'session.remove': sessionRemove,
  'session.rename': sessionRename,
  'session.annotate': sessionAnnotate,
  'session.pause': sessionPause,
  'session.resume': sessionResume,
  'session.signal': sessionSignal,
  'session.write': sessionWrite,
  'session.probe': sessionProbe,
  'session.set_mode': sessionSetMode,
  'session.batch': sessionBatch,
  'session.get': sessionGet,
  'session.list': sessionList,
  'stream.open': streamOpen,
  'stream.read': streamRead,
  'stream.close': streamClose,
  'stream.progress': streamProgress,
  'stream.readers': streamReaders,
  'approval.list': approvalList,
  'approval.answer': approvalAnswer,
  'host.list': hostList,
  'host.get': hostGet,
  'host.drain': hostDrain,
  'host.undrain': hostUndrain,
  'host.register': hostRegister,
  'host.usage': hostUsage,
  'output.query': outputQuery,
  'workflow.execute': workflowExecute,
  'workflow.get': workflowGet,
  'workflow.list': workflowList,
  'workflow.cancel': workflowCancel,
  'task.create': taskCreate,
  'task.get': taskGet,
  'task.list': taskList,
  'task.update': taskUpdate,
  'task.approve': taskApprove,
  'task.remove': taskRemove,
  'state.get': stateGet,
  'state.set': stateSet,
  'state.delete': stateDelete,
  'state.list': stateList,
  'key.add': keyAdd,
  'key.list': keyList,
  'key.pending': keyPending,
  'key.approve': keyApprove,
  'key.revoke': keyRevoke,
  'key.rotate': keyRotate,
  'system.info': systemInfo,
  'system.health': systemHealth,
  'system.metrics': systemMetrics,
  'audit.read': auditRead,
}
