/** Which backend an agent type means. */

/** The types that old clients send; settings add to them and change them. */
export const AGENT_TYPES: Readonly<Record<string, string>> = {
  claude: 'claude',
  'claude-code': 'claude',
  'claude-code-cli': 'claude',
  opencode: 'opencode',
  'opencode-cli': 'opencode',
  codex: 'codex',
  'codex-cli': 'codex',
  gemini: 'gemini',
  'gemini-cli': 'gemini',
  demo: 'demo',
  '*': 'claude',
}

export type BackendChoice =
  | { readonly kind: 'backend'; readonly backend: string }
  /** A program that a host may offer under this name, with the task as its argument. */
  | { readonly kind: 'program'; readonly backend: string }
  | { readonly kind: 'unsupported' }

export class AgentTypes {
  readonly #rows: ReadonlyMap<string, string>

  /** `own`: rows of the settings; an empty backend takes a row away. */
  constructor(own: Readonly<Record<string, string>>) {
    const rows = Object.entries({ ...AGENT_TYPES, ...own })
    this.#rows = new Map(rows.filter(([, backend]) => backend !== ''))
  }

  /** `isLoose`: types that nobody knows are those of the row `*`, as HTTP callers make them up. */
  choose(type: string, isLoose: boolean): BackendChoice {
    const backend = type === '*' ? undefined : this.#rows.get(type)
    if (backend !== undefined) return { kind: 'backend', backend }
    const program = type.split('-', 1)[0] ?? ''
    if (type.includes('cli') && program !== '') return { kind: 'program', backend: program }
    const any = isLoose ? this.#rows.get('*') : undefined
    return any === undefined ? { kind: 'unsupported' } : { kind: 'backend', backend: any }
  }

  /** For chats, which name no type. */
  get chatBackend(): string {
    return this.#rows.get('chat') ?? this.#rows.get('claude') ?? 'claude'
  }
}
