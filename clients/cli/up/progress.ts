/** Tells the user what `agentmq up` does: lines for people, NDJSON events for programs. */
import type { DoorInfo } from '../../../protocol/methods/key.ts'
import type { HostInfo } from '../../../protocol/methods/types.ts'
import type { JoinLines } from '../keys/join-lines.ts'
import type { Output } from '../output.ts'
import { duration } from '../render/durations.ts'
import { safeLine } from '../render/safe-text.ts'
import { shortId } from '../session-text.ts'
import type { ReadyInfo, SupervisorEvent } from './events.ts'

const LABEL_WIDTH = 10

export class Progress {
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
  }

  tell(event: SupervisorEvent): void {
    if (this.#output.json) {
      const { type, ...rest } = event
      this.#output.record({ event: type, ...rest })
    } else for (const line of this.#eventLines(event)) this.#output.line(line)
  }

  /** What can be used, and what cannot and why. */
  backends(hosts: readonly HostInfo[]): void {
    if (this.#output.json) {
      this.#output.record({ event: 'up', hosts })
      return
    }
    const { style } = this.#output
    for (const { backends } of hosts) {
      for (const { name, title, available, version, reason } of backends) {
        const what = available
          ? `${style.green('✓')} ${name}  ${style.dim(`${title} ${version}`)}`
          : `${style.yellow('✗')} ${name}  ${style.dim(safeLine(reason))}`
        this.#output.line(this.#labelled('backend', what))
      }
    }
  }

  /** How other machines get in. */
  network(lines: JoinLines, door: DoorInfo): void {
    if (this.#output.json) {
      this.#output.record({ event: 'network', door, join: lines })
      return
    }
    const { dim } = this.#output.style
    this.labelled('network', `${door.endpoint}, fingerprint ${door.fingerprint}`)
    this.labelled('join', lines.host)
    this.labelled('', dim('^ on another machine, for its agents; it says how its key is approved'))
    this.labelled('', dim('for clients: agentmq keys export-context'))
    if (lines.server_is_guess)
      this.labelled('', dim(`${lines.server} is a guess; --advertise says it`))
  }

  labelled(label: string, text: string): void {
    if (!this.#output.json) this.#output.line(this.#labelled(label, text))
  }

  #labelled(label: string, text: string): string {
    return `${this.#output.style.bold(label.padEnd(LABEL_WIDTH))}${text}`
  }

  #eventLines(event: SupervisorEvent): string[] {
    const { style } = this.#output
    const text = (line: string) => [this.#labelled(event.part, line)]
    switch (event.type) {
      case 'starting':
        return text(style.dim('starting …'))
      case 'ready':
        return [...text(readyText(event)), ...this.#doorLines(event)]
      case 'said':
        return text(style.dim(safeLine(event.line.replace(/^agentmq \w+: /, ''))))
      case 'died':
        return text(
          style.red(`ended (${event.how}); starting it again in ${duration(event.restartMs)}`),
        )
      case 'stopping':
        return text('stopping …')
      case 'stopped':
        return text(style.dim(`stopped (${event.how})`))
    }
  }

  #doorLines({ part, info }: Ready): string[] {
    if (part !== 'shim') return []
    return Object.entries(info)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([door, addresses]) => {
        const where = this.#output.style.dim(safeLine(addresses))
        return this.#labelled('door', `${door.padEnd(LABEL_WIDTH)}${where}`)
      })
  }
}

type Ready = Extract<SupervisorEvent, { type: 'ready' }>

function readyText(event: Ready): string {
  const { elapsedMs, pid, info } = event
  const where = info['endpoint'] ?? hostText(info)
  return `ready in ${duration(elapsedMs)}, pid ${pid}${where ? `, ${safeLine(where)}` : ''}`
}

function hostText({ host }: ReadyInfo): string | undefined {
  return host && `host ${shortId(host)}`
}
