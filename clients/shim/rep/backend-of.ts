/** The backend for an agent type of the old protocol: its own table first, then the rule of the old runner. */

const KNOWN: Readonly<Record<string, string>> = {
  claude: 'claude',
  'claude-code-cli': 'claude',
  opencode: 'opencode',
  codex: 'codex',
  gemini: 'gemini',
  demo: 'demo',
}

/** A type that contains `cli` names its program before the first `-`; a host must offer it under that name. */
export function backendOf(
  type: string,
  table: Readonly<Record<string, string>>,
): string | undefined {
  const asked = Object.hasOwn(table, type) ? table[type] : KNOWN[type]
  if (asked !== undefined) return asked || undefined
  if (!type.includes('cli')) return undefined
  return type.split('-')[0] || undefined
}
