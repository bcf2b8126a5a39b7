/** Turns: one end each, executed at most once, and the text that the agent wrote. Pure. */
import type { StreamItem } from '../../clients/sdk/index.ts'
import type { Report } from './checker.ts'
import { groupBy } from './group-by.ts'
import type { Execution, SessionHistory } from './history.ts'

export interface TurnStory {
  readonly turn: number
  readonly sequence: number
  readonly prompt: string
  text: string
  /** Reasons of its turn_complete chunks. */
  readonly ends: string[]
  /** Text came after its end. */
  isLate: boolean
  /** After it a host that lived reported the end of the process. */
  isWitnessed: boolean
}

/** The turns of a stream, in order of their prompts. */
export function turnsOf(journal: readonly StreamItem[]): TurnStory[] {
  const turns = new Map<number, TurnStory>()
  const ended: TurnStory[] = []
  for (const item of journal) {
    if (item.type === 'prompt') turns.set(item.turn, newTurn(item))
    if (item.type === 'complete') {
      const isWitnessed = item.signal !== undefined || item.exit_code !== null
      for (const turn of ended.splice(0)) turn.isWitnessed = isWitnessed
    }
    const turn = 'turn' in item ? turns.get(item.turn) : undefined
    if (!turn) continue
    if (item.type === 'text') {
      turn.text += item.content
      turn.isLate ||= turn.ends.length > 0
    }
    if (item.type === 'turn_complete') {
      turn.ends.push(item.reason)
      ended.push(turn)
    }
  }
  return [...turns.values()]
}

function newTurn({ turn, seq, text }: Extract<StreamItem, { type: 'prompt' }>): TurnStory {
  return {
    turn,
    sequence: seq,
    prompt: text,
    text: '',
    ends: [],
    isLate: false,
    isWitnessed: false,
  }
}

export function checkTurns({ journal, executions }: SessionHistory, report: Report): void {
  const turns = turnsOf(journal)
  const prompts = journal.filter(({ type }) => type === 'prompt').length
  if (turns.length !== prompts) report('one number for each turn', `${turns.length} for ${prompts}`)
  const executed = groupBy(executions, ({ prompt }) => prompt)
  for (const [prompt, all] of executed) {
    if (all.length > 1) report('at most one execution', `${all.length} of ${prompt}`)
    if (!turns.some((turn) => turn.prompt === prompt)) {
      report('nothing runs that is not in the stream', prompt)
    }
  }
  for (const turn of turns) {
    checkEnd(turn, report)
    checkText(turn, executed.get(turn.prompt)?.[0], report)
  }
}

function checkEnd({ turn, ends, isLate }: TurnStory, report: Report): void {
  if (ends.length !== 1) {
    report('one end for each turn', `turn ${turn} has ${ends.length}: ${ends.join(', ')}`)
  }
  if (isLate) report('nothing after the end of a turn', `turn ${turn} went on`)
}

function checkText(turn: TurnStory, execution: Execution | undefined, report: Report): void {
  const rule = 'the stream has what the agent wrote'
  const wrote = execution?.pieces.join('') ?? ''
  const isCutOff = turn.ends[0] === 'gone'
  const name = `turn ${turn.turn} (${turn.ends[0] ?? 'no end'})`
  if (!execution && !isCutOff) report(rule, `${name} was never carried out`)
  else if (!wrote.startsWith(turn.text)) report(rule, `${name}: ${excerpt(turn.text, wrote)}`)
  else if (turn.text.length < wrote.length && !isCutOff) {
    report(rule, `${name}: ${turn.text.length} of ${wrote.length} characters`)
  } else checkWitnessed(turn, execution, report)
}

/** A host that lives reads a dead agent's pipe to its end: only a piece not yet written is missing. */
function checkWitnessed(turn: TurnStory, execution: Execution | undefined, report: Report): void {
  if (!turn.isWitnessed || !execution || turn.text === '') return
  const wrote = execution.pieces.join('')
  const last = execution.pieces.at(-1) ?? ''
  if (turn.text.length >= wrote.length - last.length) return
  const detail = `turn ${turn.turn}: ${turn.text.length} of ${wrote.length} characters`
  report('all that reached a live host is in the stream', detail)
}

/** The place where two texts part. */
function excerpt(shown: string, wrote: string): string {
  let at = 0
  while (at < shown.length && shown[at] === wrote[at]) at += 1
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 20))
  return `at ${at} the stream has ${around(shown)}, the agent wrote ${around(wrote)}`
}
