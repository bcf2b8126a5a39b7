/**
 * Makes text of an agent harmless for a terminal: what an agent prints is not trusted to move the
 * cursor, set the title, or write to the clipboard.
 */

/** C0 without tab and newline, DEL, and C1 (0x9b alone is a control sequence introducer). */
const CONTROLS = /(?![\n\t])\p{Cc}/gu

/** Control characters become visible pictures; a carriage return, which would overwrite, goes away. */
export function safeText(text: string): string {
  return text.replace(CONTROLS, picture)
}

/** The same in one line: for table cells and for the arguments of tools. */
export function safeLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' ').trim())
}

function picture(character: string): string {
  const code = character.charCodeAt(0)
  if (code === 0x0d) return ''
  if (code === 0x7f) return '\u2421'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd'
}
