/**
 * Changes one member of a JSON text and leaves all the rest as its author wrote it: order, white space, and
 * what this version does not know. Texts are valid JSON objects; the caller has parsed them. Pure.
 */

interface Member {
  readonly name: string
  readonly start: number
  readonly valueStart: number
  readonly end: number
}

interface Block {
  /** Of the first character behind `{`, and of `}`. */
  readonly inside: number
  readonly close: number
  readonly members: readonly Member[]
}

/** Sets the value at a path of member names; objects on the way are made. */
export function setMember(text: string, path: readonly string[], value: unknown): string {
  return setIn(text, objectAt(text, skipSpace(text, 0)), path, value)
}

/** Takes the member at a path away, if it is there. */
export function removeMember(text: string, path: readonly string[]): string {
  let block = objectAt(text, skipSpace(text, 0))
  for (const name of path.slice(0, -1)) {
    const member = lastOf(block, name)
    if (!member || text[member.valueStart] !== '{') return text
    block = objectAt(text, member.valueStart)
  }
  return without(text, block, path.at(-1) ?? '')
}

function setIn(text: string, block: Block, path: readonly string[], value: unknown): string {
  const [name = '', ...rest] = path
  const member = lastOf(block, name)
  if (member && rest.length > 0 && text[member.valueStart] === '{') {
    return setIn(text, objectAt(text, member.valueStart), rest, value)
  }
  const whole = rest.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
  if (!member) return inserted(text, block, name, whole)
  const lead = leadOf(text, block)
  return splice(text, member.valueStart, member.end, rendered(text, whole, lead))
}

function inserted(text: string, block: Block, name: string, value: unknown): string {
  const last = block.members.at(-1)
  const outer = indentAt(text, block.inside)
  const lead = last ? leadOf(text, block) : `\n${outer}${unitOf(text)}`
  const entry = `${JSON.stringify(name)}: ${rendered(text, value, lead)}`
  if (last) return splice(text, last.end, last.end, `,${lead}${entry}`)
  return splice(text, block.inside, block.close, `${lead}${entry}\n${outer}`)
}

/** With its comma, and what stands between it and its neighbour. */
function without(text: string, { inside, close, members }: Block, name: string): string {
  const at = members.findLastIndex((member) => member.name === name)
  const [before, member, after] = [members[at - 1], members[at], members[at + 1]]
  if (at < 0 || !member) return text
  if (after) return splice(text, member.start, after.start, '')
  return splice(text, before?.end ?? inside, before ? member.end : close, '')
}

/** The one that counts, where a name is there twice. */
function lastOf({ members }: Block, name: string): Member | undefined {
  return members.findLast((member) => member.name === name)
}

function splice(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to)
}

/** The white space in front of each member. */
function leadOf(text: string, { inside, members }: Block): string {
  return text.slice(inside, members[0]?.start ?? inside)
}

/** On one line where its neighbours are, else indented as they are. */
function rendered(text: string, value: unknown, lead: string): string {
  if (!lead.includes('\n')) return JSON.stringify(value)
  const indent = lead.slice(lead.lastIndexOf('\n') + 1)
  return JSON.stringify(value, null, unitOf(text)).replaceAll('\n', `\n${indent}`)
}

/** What one level is indented by. */
function unitOf(text: string): string {
  return /\n([ \t]+)"/.exec(text)?.[1] ?? '  '
}

/** The indentation of the line of this character. */
function indentAt(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

function objectAt(text: string, open: number): Block {
  const members: Member[] = []
  let at = skipSpace(text, open + 1)
  while (text[at] !== '}') {
    const start = at
    const nameEnd = skipString(text, start)
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = skipValue(text, valueStart)
    members.push({ name: String(JSON.parse(text.slice(start, nameEnd))), start, valueStart, end })
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return { inside: open + 1, close: at, members }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (' \t\r\n'.includes(text[at] ?? 'x')) at += 1
  return at
}

/** Behind the closing quote. */
function skipString(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** Behind the value: brackets are counted, and strings passed over. */
function skipValue(text: string, from: number): number {
  if (text[from] === '"') return skipString(text, from)
  let depth = 0
  let at = from
  for (;;) {
    const char = text[at] ?? ''
    if (char === '"') at = skipString(text, at)
    else if (depth === 0 && at > from && /[\s,}\]]|^$/.test(char)) return at
    else {
      if (char === '{' || char === '[') depth += 1
      if (char === '}' || char === ']') depth -= 1
      at += 1
      if (depth === 0 && (char === '}' || char === ']')) return at
    }
  }
}
