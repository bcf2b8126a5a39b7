/** A driver of stream-json with its two ends open, and the lines that a CLI would say to it. */
import type { BackendEvent, StartOptions } from '../../agent-host/backends/backend.ts'
import { StreamJsonDriver } from '../../agent-host/backends/stream-json.ts'
import { NO_CHILD } from './driver-port.ts'

export const OPTIONS: StartOptions = {
  session: 's',
  cwd: '/',
  env: { ONLY: 'this' },
  nativeSessionId: 'native',
  resume: false,
}

export function setUp(more: Partial<StartOptions> = {}) {
  const events: BackendEvent[] = []
  const written: Record<string, unknown>[] = []
  let ids = 0
  const port = {
    ...NO_CHILD,
    writeLine: (line: string) => written.push(JSON.parse(line)),
    emit: (event: BackendEvent) => events.push(event),
    newId: () => `id-${++ids}`,
  }
  const driver = new StreamJsonDriver({ ...OPTIONS, ...more }, port)
  const says = (...messages: object[]): void => {
    for (const message of messages) driver.line(JSON.stringify(message))
  }
  const textOf = (type: 'text' | 'thinking'): string =>
    events.map((event) => (event.type === type ? event.content : '')).join('')
  const ofType = (type: string) => events.filter((event) => event.type === type)
  return { driver, events, written, says, textOf, ofType }
}

export const stream = (event: object, more: object = {}) => ({
  type: 'stream_event',
  event,
  ...more,
})
export const start = (id: string) => stream({ type: 'message_start', message: { id } })
export const delta = (text: string, index = 0) =>
  stream({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
export const stop = (abandoned?: number) =>
  stream(
    { type: 'message_stop' },
    abandoned === undefined ? {} : { abandoned_blocks: { from_block_index: abandoned } },
  )
export const whole = (id: string, ...content: object[]) => ({
  type: 'assistant',
  message: { id, content },
})
export const text = (content: string) => ({ type: 'text', text: content })
export const tool = (id: string, input: unknown = {}) => ({
  type: 'tool_use',
  id,
  name: 'Bash',
  input,
})
export const toolResult = (id: string, content: unknown) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content }] },
})
export const result = (more: object = {}) => ({
  type: 'result',
  subtype: 'success',
  is_error: false,
  ...more,
})
