/** Why a text is no JSON, without any of the text: what stands around a fault may be a secret. */

/** What V8 quotes of a text that it cannot read: at most ten characters on either side. */
const QUOTED = /, (\.\.\.)?"([\s\S]*)"(\.\.\.)? is not valid JSON$/
const PLACE = / in JSON at position (\d+)/
const QUOTED_BEFORE = 10

/** `thrown` is what `JSON.parse` threw for the text. */
export function jsonFault(text: string, thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : ''
  const [, place] = PLACE.exec(message) ?? []
  if (place !== undefined) return `${beforePlace(message)}, ${lineOf(text, Number(place))}`
  const [quotation, isCut, quoted = ''] = QUOTED.exec(message) ?? []
  if (quotation === undefined) return /^[\w ]+$/.test(message) ? message : 'it cannot be read'
  const fault = message.slice(0, -quotation.length)
  if (isCut === undefined) return fault // at the beginning, or the text is that short
  return `${fault}, ${lineOf(text, text.indexOf(quoted) + QUOTED_BEFORE)}`
}

function beforePlace(message: string): string {
  return message.slice(0, message.search(PLACE))
}

function lineOf(text: string, at: number): string {
  return `line ${text.slice(0, Math.max(0, at)).split('\n').length}`
}
