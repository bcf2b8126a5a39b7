/** Tells a person at the terminal of a host what to know and what to do; the log has it as well. */
import type { HostConfig } from './config.ts'
import type { HostNotice } from './host.ts'

export class Teller {
  readonly #config: HostConfig
  readonly #write: (text: string) => void
  #isAway = false

  constructor(
    config: HostConfig,
    write: (text: string) => void = (text) => process.stderr.write(text),
  ) {
    this.#config = config
    this.#write = write
  }

  tell(notice: HostNotice): void {
    if (notice.type === 'away') this.#away(notice)
    else if (notice.type === 'registered' && this.#isAway) {
      this.#isAway = false
      this.#say(`registered at ${this.#config.places.endpoint}`)
    }
  }

  #away({ reason, problem }: Extract<HostNotice, { type: 'away' }>): void {
    const { places, name } = this.#config
    this.#isAway = true
    if (problem?.code === 'KEY_NOT_APPROVED') {
      const key = String(problem.details['key'])
      this.#say(`${places.endpoint} does not know the key of this host yet, ${key}`)
      this.#write(`  → on its machine: agentmq keys approve ${key} --as ${name} --role host\n`)
      this.#write('  → this host goes on by itself then\n')
    } else if (problem) {
      this.#say(`${reason}; trying again`)
      this.#write(`  → ${problem.advice}\n`)
    } else this.#say(`no broker at ${places.endpoint} (${reason}); trying again`)
  }

  #say(text: string): void {
    this.#write(`agentmq host: ${text}\n`)
  }
}
