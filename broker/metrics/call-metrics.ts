/** Metrics of calls and of the connections that they come on. */
import { LIMIT_NAMES, LIMITS } from '../core/limit-names.ts'
import {
  each,
  type HistogramSample,
  type Metric,
  type Sample,
  single,
  type View,
} from './metric.ts'
import { KEY_ANSWERS } from './outcomes.ts'

export const CALL_METRICS = {
  agentmq_calls_total: {
    type: 'counter',
    help: 'Requests that were answered, by method and by the code of the error; OK is a result. The method is "unknown" when there is none of its name.',
    labels: ['method', 'code'],
    read: callEnds,
  },
  agentmq_call_duration_seconds: {
    type: 'histogram',
    help: 'Time from the arrival of a request to its answer, by method. Requests that were refused before they began are left out.',
    labels: ['method'],
    read: callSeconds,
  },
  agentmq_calls_in_flight: single(
    'gauge',
    'Executions that have not ended.',
    ({ core }) => core.calls.inFlight,
  ),
  agentmq_host_calls_in_flight: single(
    'gauge',
    'Requests to hosts that they have not answered.',
    ({ core }) => core.hostCalls.inFlight,
  ),
  agentmq_idempotency_keys: single(
    'gauge',
    'Idempotency keys whose outcome is kept.',
    ({ core }) => core.idempotency.size,
  ),
  agentmq_connections: single(
    'gauge',
    'Connections to ROUTER, welcome or not.',
    ({ connections }) => connections.count,
  ),
  agentmq_connections_greeting: single(
    'gauge',
    'Of them, those that have not shaken hands.',
    ({ connections }) => connections.greeting,
  ),
  agentmq_connections_ended_total: {
    type: 'counter',
    help: 'Connections that ended: goodbye, disconnected, silent for the liveness limit, or cut off with an error code (OVERLOADED: the peer let its queue outgrow the limit).',
    labels: ['how'],
    read: ({ connections }) =>
      [...connections.ends].map(([how, count]): Sample => [{ how }, count]),
  },
  agentmq_connections_stuck: single(
    'gauge',
    'Connections whose pipe is full, so that they wait for their peer to read.',
    ({ connections }) => connections.stuck,
  ),
  agentmq_outbox_messages: single(
    'gauge',
    'Messages that wait to be sent on all connections.',
    ({ connections }) => connections.backlog.messages,
  ),
  agentmq_outbox_bytes: single(
    'gauge',
    'Body bytes of these messages.',
    ({ connections }) => connections.backlog.bytes,
  ),
  agentmq_outbox_bytes_max: single(
    'gauge',
    'Body bytes that wait on the connection that has most of them.',
    ({ connections }) => connections.backlog.mostBytes,
  ),
  agentmq_limits_reached_total: {
    type: 'counter',
    help: `How often a limit was reached, by its name. ${limitNames()}`,
    labels: ['limit'],
    read: ({ core }) => each('limit', LIMIT_NAMES, core.tally.limitsReached),
  },
  agentmq_keys_answered_total: {
    type: 'counter',
    help: 'Keys of other machines that asked to connect, by the answer: accept, later (it is not known), busy (it connects too often) or never (it was revoked).',
    labels: ['answer'],
    read: ({ keyAnswers }) => each('answer', KEY_ANSWERS, keyAnswers),
  },
  agentmq_keys_pending: single(
    'gauge',
    'Keys that knock and are not known.',
    ({ core }) => core.knockers.size,
  ),
} as const satisfies Record<string, Metric>

function limitNames(): string {
  return `${LIMIT_NAMES.map((name) => `${name}: ${LIMITS[name]}`).join('; ')}.`
}

function* callEnds({ core }: View): Generator<Sample> {
  for (const [method, byCode] of core.tally.callEnds) {
    for (const [code, count] of byCode) yield [{ method, code }, count]
  }
}

function* callSeconds({ core }: View): Generator<HistogramSample> {
  for (const [method, histogram] of core.tally.callSeconds) yield [{ method }, histogram]
}
