/** The line under a turn: which turn, how it ended if not as usual, how long it took, what it used. */
import type { ChunkBody } from '../../../protocol/messages/chunk.ts'
import type { StreamItem } from '../../sdk/index.ts'
import { duration } from './durations.ts'
import type { Style } from './style.ts'

interface Turn {
  startedAt?: number
  endedAt?: number
  usage?: ChunkBody<'usage'>
}

export class TurnSummary {
  readonly #turns = new Map<number, Turn>()

  /** Takes note of when turns begin and end, and of their usage. */
  note(item: StreamItem): void {
    if (item.type === 'gap' || item.turn === 0) return
    const turn = this.#turns.get(item.turn) ?? {}
    this.#turns.set(item.turn, turn)
    turn.startedAt ??= item.time
    turn.endedAt = item.time
    if (item.type === 'usage') turn.usage = item
  }

  line(end: ChunkBody<'turn_complete'>, style: Style): string {
    const turn = this.#turns.get(end.turn_number)
    this.#turns.delete(end.turn_number)
    const parts = [`turn ${end.turn_number}`, ...timeText(turn), ...usageText(turn?.usage)]
    if (end.reason === 'end_turn') return style.dim(`── ${parts.join(' · ')} ──`)
    const paint = end.reason === 'interrupted' ? style.yellow : style.red
    return paint(`── ${parts.join(' · ')} · ${end.reason} ──`)
  }
}

function timeText(turn: Turn | undefined): string[] {
  if (turn?.startedAt === undefined || turn.endedAt === undefined) return []
  return [duration(turn.endedAt - turn.startedAt)]
}

function usageText(usage: ChunkBody<'usage'> | undefined): string[] {
  if (!usage) return []
  const tokens = `${usage.input_tokens} in, ${usage.output_tokens} out`
  return usage.cost_usd ? [tokens, `$${usage.cost_usd.toFixed(4)}`] : [tokens]
}
