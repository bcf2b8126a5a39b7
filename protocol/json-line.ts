/** One line of NDJSON. */

/** One record, one line, so that line tools can read it. What MessagePack can carry and JSON cannot becomes text. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value, plain)}\n`
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
