/** Calls: each ends once, and what callers were told is what happened. Pure. */
import { type TurnStory, turnsOf } from './check-turns.ts'
import type { Report } from './checker.ts'
import { groupBy } from './group-by.ts'
import type { CallHistory, SessionHistory } from './history.ts'

export function checkCalls({ calls, journal, executions }: SessionHistory, report: Report): void {
  const turns = groupBy(turnsOf(journal), ({ prompt }) => prompt)
  const executed = new Set(executions.map(({ prompt }) => prompt))
  for (const call of calls) {
    checkOneEnd(call, report)
    if (call.method === 'session.prompt') checkPrompt(call, turns.get(call.text) ?? [], report)
  }
  for (const [key, all] of groupBy(calls, ({ key }) => key)) {
    if (key !== '') checkDenied(all, executed, report)
  }
  for (const [prompt, all] of turns) checkRepeats(prompt, all, report)
}

function checkOneEnd({ call, method, ends, isCutOff }: CallHistory, report: Report): void {
  const rule = 'exactly one end for each request'
  if (ends > 1) report(rule, `${method} ${call} ended ${ends} times`)
  if (ends === 0 && !isCutOff) report(rule, `${method} ${call} never ended`)
}

function checkPrompt(
  { call, isAccepted, reply }: CallHistory,
  turns: readonly TurnStory[],
  report: Report,
): void {
  const rule = 'nothing acknowledged is lost'
  if (isAccepted && turns.length === 0) report(rule, `${call} was accepted`)
  if (!reply) return
  const { turn, sequence } = reply
  if (!turns.some((one) => one.turn === turn && one.sequence === sequence)) {
    report(rule, `${call} was told turn ${turn} at ${sequence}`)
  }
}

/** The last word on a key was that nothing was done: then nothing may have been done. */
function checkDenied(
  attempts: readonly CallHistory[],
  executed: ReadonlySet<string>,
  report: Report,
): void {
  const last = attempts.at(-1)
  if (last?.method !== 'session.prompt' || last.error?.executed !== 'no') return
  const isOpen = attempts.some(({ isCutOff, ends }) => isCutOff && ends === 0)
  if (!isOpen && executed.has(last.text)) {
    report('"not executed" is true', `${last.call}: ${last.error.code}`)
  }
}

/** A key may be in the stream again only after the host had refused it. */
function checkRepeats(prompt: string, turns: readonly TurnStory[], report: Report): void {
  const real = turns.filter(({ ends, text }) => ends[0] !== 'gone' || text !== '')
  if (real.length > 1) {
    report(
      'at most one turn for each key',
      `${prompt}: turns ${turns.map(({ turn }) => turn).join(', ')}`,
    )
  }
}
