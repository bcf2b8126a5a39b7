/** The links that are welcome, by the principal that they act for. */
import type { BrokerLink } from '../protocol/link/broker-link.ts'

export class PrincipalLinks {
  readonly #links = new Map<string, Set<BrokerLink>>()
  readonly #principals = new Map<BrokerLink, string>()

  /** A link that was another's before is this one's from now on. */
  add(link: BrokerLink, principal: string): void {
    this.remove(link)
    const links = this.#links.get(principal) ?? new Set()
    this.#links.set(principal, links.add(link))
    this.#principals.set(link, principal)
  }

  remove(link: BrokerLink): void {
    const principal = this.#principals.get(link)
    if (principal === undefined) return
    this.#principals.delete(link)
    const links = this.#links.get(principal)
    links?.delete(link)
    if (links?.size === 0) this.#links.delete(principal)
  }

  /** How many it has beside this one. */
  countBeside(principal: string, link: BrokerLink | undefined): number {
    const links = this.#links.get(principal)
    return (links?.size ?? 0) - (link && links?.has(link) ? 1 : 0)
  }

  principalOf(link: BrokerLink): string | undefined {
    return this.#principals.get(link)
  }

  /** Body bytes that wait to be sent to a principal, on all its connections. */
  backlogBytes(principal: string): number {
    let bytes = 0
    for (const link of this.#links.get(principal) ?? []) bytes += link.backlogBytes
    return bytes
  }
}
