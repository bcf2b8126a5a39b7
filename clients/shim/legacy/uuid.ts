/** UUIDs as the old daemon read them, in each of four forms, and what it said to others. */

const HYPHENATED = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const SIMPLE = /^[0-9a-f]{32}$/i
const URN = 'urn:uuid:'

/** Hyphenated and in lower case; undefined for what is no UUID. */
export function parseUuid(text: string): string | undefined {
  const inner = unwrapped(text)
  if (HYPHENATED.test(inner)) return inner.toLowerCase()
  if (inner !== text || !SIMPLE.test(text)) return undefined
  const [, ...groups] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(text.toLowerCase()) ?? []
  return groups.join('-')
}

function unwrapped(text: string): string {
  if (text.startsWith('{') && text.endsWith('}')) return text.slice(1, -1)
  return text.startsWith(URN) ? text.slice(URN.length) : text
}

const GROUPS = [8, 4, 4, 4, 12] as const

/** Why `text` is no UUID. */
export function uuidFault(text: string): string {
  const inner = unwrapped(text)
  const offset = inner === text ? 0 : text.startsWith('{') ? 1 : URN.length
  const wrong = /[^0-9a-f-]/i.exec(inner)
  if (wrong) {
    const at = Buffer.byteLength(inner.slice(0, wrong.index)) + offset + 1
    const character = String.fromCodePoint(inner.codePointAt(wrong.index) ?? 0)
    return `invalid character: expected an optional prefix of \`urn:uuid:\` followed by [0-9a-fA-F-], found \`${character}\` at ${at}`
  }
  const groups = inner.split('-')
  if (groups.length === 1 && offset === 0) {
    return `invalid length: expected length 32 for simple format, found ${text.length}`
  }
  if (groups.length !== GROUPS.length) {
    return `invalid group count: expected 5, found ${groups.length}`
  }
  const index = groups.findIndex(({ length }, group) => length !== GROUPS[group])
  const group = index === -1 ? GROUPS.length - 1 : index
  return `invalid group length in group ${group}: expected ${GROUPS[group]}, found ${groups[group]?.length}`
}
