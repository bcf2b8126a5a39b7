/** Parameters for every method of the broker: a method that is added does not compile until it is here. */
import { NO_DOOR } from '../../broker/core/access.ts'
import type { BrokerMethod, Params } from '../../protocol/methods/index.ts'
import { demo, withSession } from './core-peers.ts'

const SOME_KEY = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'

/** Of a session, or of the task, execution or question that the method is about. */
export const PARAMS: { readonly [M in BrokerMethod]: (session: string) => Params<M> } = {
  'session.create': () => demo,
  'session.prompt': (session) => ({ session, text: 'hello' }),
  'session.interrupt': (session) => ({ session }),
  'session.stop': (session) => ({ session }),
  'session.kill': (session) => ({ session }),
  'session.recover': (session) => ({ session }),
  'session.remove': (session) => ({ session }),
  'session.rename': (session) => ({ session, name: 'blue' }),
  'session.annotate': (session) => ({ session, metadata: { mode: 'chat' } }),
  'session.pause': (session) => ({ session }),
  'session.resume': (session) => ({ session }),
  'session.signal': (session) => ({ session, signal: 'SIGINT' }),
  'session.write': (session) => ({ session, line: 'hello' }),
  'session.probe': (session) => ({ session, data: 'x' }),
  'session.set_mode': (session) => ({ session, mode: 'plan' }),
  'session.batch': (session) => ({ sessions: [session], action: 'session.interrupt' }),
  'session.get': (session) => ({ session }),
  'session.list': () => ({}),
  'stream.open': (session) => ({ session }),
  'stream.close': () => ({ ticket: 'none' }),
  'stream.progress': () => ({ positions: [['none', 1]] }),
  'stream.readers': (session) => ({ session }),
  'stream.read': (session) => ({ session, from: 1 }),
  'approval.list': (session) => ({ session }),
  'approval.answer': () => ({ approval: 'q-1234', decision: 'allow' }),
  'host.list': () => ({}),
  'host.get': () => ({ host: 'h1' }),
  'host.usage': () => ({ sessions: [] }),
  'host.drain': () => ({ host: 'h1' }),
  'host.undrain': () => ({ host: 'h1' }),
  'host.register': () => ({
    ...{ host: 'h2', name: 'two', labels: [], slots: 1, backends: [], sessions: [] },
    ...{ software: 'test', pid: 8 },
  }),
  'output.query': (session) => ({ session, pattern: 'a+' }),
  'workflow.execute': (session) => ({ steps: [{ id: 'a', session, prompt: 'hello' }] }),
  'workflow.get': () => ({ execution: 'none' }),
  'workflow.list': () => ({}),
  'workflow.cancel': () => ({ execution: 'none' }),
  'task.create': () => ({ title: 'write the tests' }),
  'task.get': (task) => ({ task }),
  'task.list': () => ({ status: ['todo'] }),
  'task.update': (task) => ({ task, status: 'done' }),
  'task.approve': (task) => ({ task, approved: true }),
  'task.remove': (task) => ({ task }),
  'state.get': () => ({ key: 'color' }),
  'state.set': () => ({ key: 'color', value: { name: 'blue' } }),
  'state.delete': () => ({ key: 'color' }),
  'state.list': () => ({ values: true }),
  'key.add': () => ({ principal: 'anna', key: SOME_KEY, roles: ['observer'] }),
  'key.list': () => ({}),
  'key.pending': () => ({}),
  'key.approve': () => ({ key: SOME_KEY, principal: 'anna' }),
  'key.revoke': () => ({ principal: 'anna' }),
  'key.rotate': () => ({ step: 'begin' }),
  'system.info': () => ({}),
  'system.health': () => ({}),
  'system.metrics': () => ({}),
  'audit.read': () => ({ from: 1 }),
}

/** A broker in which the method can be carried out, and the parameters to do it with. */
export function readyFor<M extends BrokerMethod>(method: M) {
  const setting = withSession({ access: { rotate: (_step, done) => done(NO_DOOR) } })
  const { client, harness, host, session } = setting
  if (method === 'session.recover' || method === 'session.remove') host.exit(session, 0)
  if (method === 'approval.answer') host.askApproval(session, 'q-1234')
  if (method === 'host.usage') client.call('host.register', PARAMS['host.register'](session))
  if (method === 'key.revoke') client.call('key.add', PARAMS['key.add'](session))
  if (method === 'key.approve') harness.core.knockers.knocked(SOME_KEY, '10.0.0.7', 1)
  if (method.startsWith('state.')) client.call('state.set', { key: 'color', value: 1 })
  const isOfTask = method.startsWith('task.')
  const subject = isOfTask ? client.call('task.create', { title: 'x' }).task : session
  const isOfExecution = method === 'workflow.get' || method === 'workflow.cancel'
  const params = isOfExecution
    ? client.call('workflow.execute', PARAMS['workflow.execute'](session))
    : PARAMS[method](subject)
  return { ...setting, params: params as Params<M> }
}

export const BROKER_METHODS = Object.keys(PARAMS) as BrokerMethod[]
