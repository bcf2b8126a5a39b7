/** Plays cases to a subject and says what was wrong, if anything was. */
import type { Case } from './case.ts'
import type { Subject, Target } from './target.ts'

/** A case that takes longer than this holds everybody up, ms, also on a machine that has other work. */
export const SLOW_MS = 5000
/** A case that has not ended after this never will, ms. */
const HANGS_MS = 30_000

/** Signature of a case that took too long. */
export const SLOW = 'slow'

export interface Problem {
  /** What is wrong, for people. */
  readonly text: string
  /** The same for the same defect: its text without values, and where it was thrown. */
  readonly signature: string
}

export async function attempt(subject: Subject, input: Case): Promise<Problem | undefined> {
  const startedAt = performance.now()
  const problem = await problemOf(() => subject.run(input))
  const tookMs = performance.now() - startedAt
  if (problem || tookMs < SLOW_MS) return problem
  return { text: `it took ${Math.round(tookMs)} ms`, signature: SLOW }
}

export function endOf(subject: Subject): Promise<Problem | undefined> {
  return problemOf(() => subject.end?.())
}

/** What a fresh subject says to these cases, and to its end after them. */
export async function replay(target: Target, cases: readonly Case[]): Promise<Problem | undefined> {
  const subject = await target.open()
  let problem: Problem | undefined
  for (const input of cases) {
    problem = await attempt(subject, input)
    if (problem) break
  }
  const atEnd = await endOf(subject)
  return problem ?? atEnd
}

async function problemOf(work: () => void | Promise<void>): Promise<Problem | undefined> {
  try {
    const running = work()
    if (running instanceof Promise) await inTime(running)
    return undefined
  } catch (thrown) {
    return asProblem(thrown)
  }
}

async function inTime(running: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('it does not end')), HANGS_MS)
  })
  await Promise.race([running, late]).finally(() => clearTimeout(timer))
}

export function asProblem(thrown: unknown): Problem {
  if (!(thrown instanceof Error)) {
    return { text: `threw ${String(thrown)}`, signature: `threw ${typeof thrown}` }
  }
  const text = `${thrown.name}: ${thrown.message}`.slice(0, 500)
  const values = /"[^"]*"|'[^']*'|`[^`]*`|[0-9a-f]{8,}|-?\d+(\.\d+)?/gi
  const place = placeOf(thrown)
  const said = `${thrown.name}: ${thrown.message.slice(0, 120).replaceAll(values, '…')}`
  return { text: place === '' ? text : `${text} (${place})`, signature: `${said} ${place}` }
}

/** The innermost function of the product on the stack: the line may move while the defect stays. */
function placeOf({ stack = '' }: Error): string {
  const inProduct = /at (\S+)?.*\/(?:dist\/)?((?:protocol|broker|agent-host|clients)\/[\w/.-]+):\d+/
  const [, name = '', file = ''] = inProduct.exec(stack) ?? []
  return file === '' ? '' : `${name} in ${file.replace(/\.js$/, '.ts')}`
}
