/** Events for people: one line each, with what is to be known of it as words that `grep` finds. */
import type { Gap, StreamChunk } from '../../sdk/index.ts'
import { shortId } from '../session-text.ts'
import { safeLine } from './safe-text.ts'
import type { Style } from './style.ts'

type EventChunk = Extract<StreamChunk, { type: 'event' }>

export function eventLine({ seq, time, topic, event, id, data }: EventChunk, style: Style): string {
  const when = style.dim(`${seq}  ${new Date(time).toISOString()}`)
  const known = Object.entries(data).filter(([, value]) => value !== '' && value !== id)
  const words = known.map(([name, value]) => `${name}=${wordOf(value)}`)
  const what = [`${topic} ${event}`, shortId(id), words.join(' ')].map(safeLine)
  return [when, ...what].join('  ').trimEnd()
}

export function gapLine({ from, to, reason }: Gap, style: Style): string {
  return style.dim(`events ${from} to ${to} are not kept any more (${safeLine(reason)})`)
}

/** Texts of one word stand for themselves, all else is JSON. */
function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
