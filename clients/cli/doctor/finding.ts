/** What a check of `agentmq doctor` found. Only a problem keeps something from working. */

export type Verdict = 'ok' | 'warning' | 'problem'

export interface Finding {
  /** What was looked at: one or two words. */
  readonly check: string
  readonly verdict: Verdict
  readonly found: string
  /** What to do; absent when nothing is to be done. */
  readonly advice?: string
}

export const ok = (check: string, found: string): Finding => ({ check, verdict: 'ok', found })

export const warning = (check: string, found: string, advice: string): Finding => ({
  check,
  verdict: 'warning',
  found,
  advice,
})

export const problem = (check: string, found: string, advice: string): Finding => ({
  check,
  verdict: 'problem',
  found,
  advice,
})
