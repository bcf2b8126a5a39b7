/** What the processes of sessions use, as their hosts last told. In memory only: it is old in seconds. */
import type { Params } from '../../protocol/methods/index.ts'
import type { SessionInfo } from '../../protocol/methods/types.ts'

type Report = Params<'host.usage'>['sessions']
type Told = Omit<NonNullable<SessionInfo['usage']>, 'age_ms'>

interface HostReport {
  readonly at: number
  readonly sessions: ReadonlyMap<string, { readonly epoch: number; readonly told: Told }>
}

export class Usage {
  /** By host: its last report, whole. */
  readonly #reports = new Map<string, HostReport>()

  /** `now` is monotonic, ms. */
  report(host: string, report: Report, now: number): void {
    const sessions = new Map(
      report.map(({ session, epoch, ...told }) => [session, { epoch, told }] as const),
    )
    this.#reports.set(host, { at: now, sessions })
  }

  hostGone(host: string): void {
    this.#reports.delete(host)
  }

  /** Undefined when nothing is known of this life of the session. */
  of(
    { session, host, epoch }: Pick<SessionInfo, 'session' | 'host' | 'epoch'>,
    now: number,
  ): SessionInfo['usage'] {
    const report = this.#reports.get(host)
    const found = report?.sessions.get(session)
    if (!report || found?.epoch !== epoch) return undefined
    return { ...found.told, age_ms: Math.max(0, Math.round(now - report.at)) }
  }
}
