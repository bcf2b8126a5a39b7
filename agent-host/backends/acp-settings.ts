/**
 * The settings of an ACP session: permission mode, model, level of thinking. Agents offer them as modes
 * and models (Gemini CLI) or as options with a category (OpenCode); what is offered is the first answer.
 */
import type { ThinkingLevel } from '../../protocol/methods/session.ts'
import type { StartOptions } from './backend.ts'
import { type JsonRecord, recordAt, recordsAt, stringAt } from './json.ts'
import type { JsonRpcPeer } from './json-rpc-peer.ts'

/** Undefined when the agent took it. */
type Done = (problem: string | undefined) => void

type Category = 'mode' | 'model' | 'thought_level'

/** What an agent may call a level, best first. */
const LEVELS: Readonly<Record<ThinkingLevel, readonly string[]>> = {
  off: ['off', 'none', 'minimal', 'low'],
  low: ['low', 'minimal'],
  medium: ['medium'],
  high: ['high'],
  max: ['max', 'xhigh', 'high'],
}

export class AcpSettings {
  readonly #peer: JsonRpcPeer
  readonly #sessionId: string
  readonly #offer: JsonRecord

  constructor(peer: JsonRpcPeer, sessionId: string, offer: JsonRecord) {
    this.#peer = peer
    this.#sessionId = sessionId
    this.#offer = offer
  }

  /** The model that the session begins with, as far as the agent tells. */
  get model(): string | undefined {
    const models = recordAt(this.#offer, 'models') ?? {}
    return (
      stringAt(models, 'currentModelId') ?? stringAt(this.#option('model') ?? {}, 'currentValue')
    )
  }

  /** One after the other; the first that fails is the end of it. */
  apply({ permissionMode, model, thinking }: StartOptions, done: Done): void {
    const level = thinking && this.#level(thinking)
    const wishes = [
      ...(model === undefined ? [] : [(next: Done) => this.setModel(model, next)]),
      ...(level === undefined
        ? []
        : [(next: Done) => this.#setOption('thought_level', level, next)]),
      ...(permissionMode === undefined ? [] : [(next: Done) => this.setMode(permissionMode, next)]),
    ]
    const step = (at: number): void => {
      const wish = wishes[at]
      if (wish === undefined) done(undefined)
      else wish((problem) => (problem === undefined ? step(at + 1) : done(problem)))
    }
    step(0)
  }

  setMode(mode: string, done: Done): void {
    const offered = recordAt(this.#offer, 'modes')
    const known = recordsAt(offered ?? {}, 'availableModes').map(({ id }) => id)
    if (offered === undefined) this.#setOption('mode', mode, done)
    else if (known.includes(mode)) this.#ask('session/set_mode', { modeId: mode }, done)
    else done(unknown('permission_mode', mode, known))
  }

  setModel(model: string, done: Done): void {
    const isOption = recordAt(this.#offer, 'models') === undefined
    if (isOption) this.#setOption('model', model, done)
    else this.#ask('session/set_model', { modelId: model }, done)
  }

  /** A level that is near enough; undefined where the agent has none, since it is only a wish. */
  #level(thinking: ThinkingLevel): string | undefined {
    const option = this.#option('thought_level')
    const offered = recordsAt(option ?? {}, 'options').map(({ value }) => value)
    return LEVELS[thinking].find((level) => offered.includes(level))
  }

  #setOption(category: Category, value: string, done: Done): void {
    const option = this.#option(category)
    const name = category === 'mode' ? 'permission_mode' : category
    const known = recordsAt(option ?? {}, 'options').map((one) => one['value'])
    if (option === undefined) done(`${name}: the agent has no such setting`)
    else if (!known.includes(value)) done(unknown(name, value, known))
    else this.#ask('session/set_config_option', { configId: stringAt(option, 'id'), value }, done)
  }

  #option(category: Category): JsonRecord | undefined {
    return recordsAt(this.#offer, 'configOptions').find((one) => one['category'] === category)
  }

  #ask(method: string, params: JsonRecord, done: Done): void {
    const request = { sessionId: this.#sessionId, ...params }
    this.#peer.request(method, request, (outcome) => {
      done(outcome.ok ? undefined : `${method}: ${outcome.failure.message}`)
    })
  }
}

function unknown(name: string, value: string, known: readonly unknown[]): string {
  const names = known.filter((one) => typeof one === 'string').slice(0, 20)
  return `${name}: there is no ${value}; the agent has ${names.join(', ')}`
}
