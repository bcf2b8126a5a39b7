/** One run of one target: makes cases, plays them, and cuts down what fails. Writes nothing. */
import { asProblem, attempt, endOf, type Problem, replay, SLOW } from './attempt.ts'
import type { Case } from './case.ts'
import { minimize } from './minimize.ts'
import { Random } from './random.ts'
import type { Subject, Target } from './target.ts'

export interface Finding {
  readonly target: string
  readonly seed: number
  /** The case at which it was seen. */
  readonly index: number
  readonly problem: Problem
  /** Cut down; the whole life of the subject, when the last case alone is not enough. */
  readonly input: Case
  /** False when it was not seen again: with sockets, time has its part. */
  readonly isReproduced: boolean
}

export interface RunOptions {
  readonly seed: number
  readonly cases: number
  /** True when no more cases are to begin. */
  readonly isOver?: () => boolean
  /** For cutting down one finding, ms. */
  readonly minimizeMs?: number
  readonly onFinding?: (finding: Finding) => void
  /** Called before each case, or the first of several at the same time. */
  readonly onCase?: (index: number) => void
  /** Called whenever something is about to be played, also while a finding is cut down. */
  readonly onTry?: () => void
}

export interface Report {
  readonly target: string
  readonly cases: number
  readonly tookMs: number
  readonly findings: readonly Finding[]
  /** Failures that had the signature of an earlier finding. */
  readonly repeats: number
}

/** Distinct findings after which a target has had enough. */
const MAX_FINDINGS = 20
/** Of a failure that is seen again and again. */
const MAX_REPEATS = 2000
const MAX_TRIES = 3000

export async function runTarget(target: Target, options: RunOptions): Promise<Report> {
  const run = new Run(target, options)
  await run.play()
  return run.report()
}

class Run {
  readonly #target: Target
  readonly #options: RunOptions
  readonly #findings: Finding[] = []
  readonly #signatures = new Set<string>()
  readonly #startedAt = performance.now()
  /** What the subject that is open has been given. */
  #life: Case[] = []
  #subject: Subject | undefined
  #cases = 0
  #repeats = 0

  constructor(target: Target, options: RunOptions) {
    this.#target = target
    this.#options = options
  }

  report(): Report {
    const tookMs = performance.now() - this.#startedAt
    const { name } = this.#target
    return {
      target: name,
      cases: this.#cases,
      tookMs,
      findings: this.#findings,
      repeats: this.#repeats,
    }
  }

  async play(): Promise<void> {
    const { cases, isOver = () => false, onCase } = this.#options
    while (this.#cases < cases && !isOver() && !this.#hasEnough) {
      onCase?.(this.#cases)
      this.#options.onTry?.()
      const count = Math.min(this.#target.parallel ?? 1, cases - this.#cases)
      const problem = await this.#playNext(count)
      if (problem) await this.#failed(problem)
      else if (this.#life.length >= this.#target.lifetime) await this.#endLife()
    }
    await this.#endLife()
  }

  get #hasEnough(): boolean {
    return this.#findings.length >= MAX_FINDINGS || this.#repeats >= MAX_REPEATS
  }

  async #playNext(count: number): Promise<Problem | undefined> {
    const inputs: Case[] = []
    for (let left = count; left > 0; left -= 1) inputs.push(this.#make())
    try {
      this.#subject ??= await this.#target.open()
    } catch (thrown) {
      return asProblem(thrown)
    }
    this.#life.push(...inputs)
    const subject = this.#subject
    const [input] = inputs
    if (count === 1 && input) return attempt(subject, input)
    const problems = await Promise.all(inputs.map((one) => attempt(subject, one)))
    return problems.find((problem) => problem !== undefined)
  }

  #make(): Case {
    const { seed } = this.#options
    const random = Random.ofCase(seed, this.#target.name, this.#cases)
    this.#cases += 1
    return this.#target.generate(random)
  }

  async #endLife(): Promise<void> {
    const subject = this.#subject
    if (!subject) return
    this.#subject = undefined
    const problem = await endOf(subject)
    if (problem) await this.#found(problem)
    this.#life = []
  }

  async #failed(problem: Problem): Promise<void> {
    const subject = this.#subject
    this.#subject = undefined
    if (subject) await endOf(subject)
    await this.#found(problem)
    this.#life = []
  }

  async #found(problem: Problem): Promise<void> {
    if (this.#signatures.has(problem.signature)) {
      this.#repeats += 1
      return
    }
    this.#signatures.add(problem.signature)
    const life = this.#life
    const cut = await this.#cutDown(problem, life)
    // Slow once, on a machine that others use as well, is not slow.
    if (cut === undefined && problem.signature === SLOW) return
    const finding: Finding = {
      target: this.#target.name,
      seed: this.#options.seed,
      index: this.#cases - 1,
      problem,
      input: cut ?? life.at(-1) ?? [],
      isReproduced: cut !== undefined,
    }
    this.#findings.push(finding)
    this.#options.onFinding?.(finding)
  }

  /** The last case alone if that fails as well, else all of the life; undefined when neither does. */
  async #cutDown({ signature }: Problem, life: readonly Case[]): Promise<Case | undefined> {
    const { minimizeMs = 20_000 } = this.#options
    const until = performance.now() + minimizeMs
    const fails = async (input: Case): Promise<boolean> => {
      this.#options.onTry?.()
      return (await replay(this.#target, [input]))?.signature === signature
    }
    const recent = life.slice(-(this.#target.parallel ?? 1)).reverse()
    const joined = this.#target.join?.(life)
    for (const input of joined ? [...recent, joined] : recent) {
      if (!(await fails(input))) continue
      const isOver = (): boolean => performance.now() > until
      return minimize(input, { fails, maxTries: MAX_TRIES, isOver })
    }
    return undefined
  }
}
