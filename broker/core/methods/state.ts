/** state.*: values by key, changed by compare-and-set. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { jsonProblem } from '../../../protocol/json.ts'
import { MAX_VALUE_BYTES } from '../../../protocol/methods/state.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { type EventOperation, event } from '../events.ts'
import { onceWritten } from '../once-written.ts'

const DEFAULT_LIMIT = 100

export function stateGet(core: Core, call: Call<'state.get'>): void {
  const { key } = call.params
  const reply = () => call.reply(core.state.get(key))
  // Whoever was told of a change by a conflict shall see it.
  if (core.state.isStaged(key)) onceWritten(core, call, reply)
  else reply()
}

export function stateSet(core: Core, call: Call<'state.set'>): void {
  const { key, version: expected } = call.params
  const json = jsonOf(call)
  const proceed = expected === undefined || isAt(core, key, expected)
  if (!proceed) {
    if (!core.state.mayFallBackTo(key, expected)) throw conflict(core, key, expected)
    onceWritten(core, call, () => stateSet(core, call))
    return
  }
  const { version, isNew, operations, written } = core.state.set(key, json, {
    wallMs: core.clock.wall(),
    by: call.identity.principal,
  })
  const told = stateEvent(isNew ? 'created' : 'updated', key, version)
  const result = { key, version }
  call.persist(
    [...operations, told],
    () => {
      written()
      call.reply(result)
    },
    result,
  )
}

export function stateDelete(core: Core, call: Call<'state.delete'>): void {
  const { key, version: expected } = call.params
  if (expected !== undefined && !isAt(core, key, expected)) {
    if (!core.state.mayFallBackTo(key, expected)) throw conflict(core, key, expected)
    onceWritten(core, call, () => stateDelete(core, call))
    return
  }
  if (expected === undefined && !core.state.has(key)) {
    if (core.state.isStaged(key)) onceWritten(core, call, () => stateDelete(core, call))
    else call.reply({ key, deleted: false })
    return
  }
  const { version, operations, written } = core.state.delete(key)
  const result = { key, deleted: true }
  call.persist(
    [...operations, stateEvent('deleted', key, version)],
    () => {
      written()
      call.reply(result)
    },
    result,
  )
}

export function stateList(core: Core, call: Call<'state.list'>): void {
  const { prefix = '', after = '', limit = DEFAULT_LIMIT, values = false } = call.params
  call.reply(core.state.page({ prefix, after, limit, values }))
}

function isAt(core: Core, key: string, expected: number): boolean {
  return core.state.version(key) === expected
}

/** Throws INVALID_PARAMS or TOO_LARGE. */
function jsonOf({ method, params }: Call<'state.set'>): string {
  const problem = jsonProblem(params.value, '/value')
  if (problem !== undefined) throw new ProtocolError('INVALID_PARAMS', { method, reason: problem })
  const json = JSON.stringify(params.value)
  const size = Buffer.byteLength(json)
  if (size <= MAX_VALUE_BYTES) return json
  throw new ProtocolError('TOO_LARGE', { what: 'the value', size, limit: MAX_VALUE_BYTES })
}

function conflict(core: Core, key: string, expected: number): ProtocolError {
  return new ProtocolError('VERSION_CONFLICT', { key, version: core.state.version(key), expected })
}

function stateEvent(
  name: 'created' | 'updated' | 'deleted',
  key: string,
  version: number,
): EventOperation {
  return event({ topic: 'state', event: name, id: key, data: { key, version } })
}
