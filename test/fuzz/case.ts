/**
 * What one case is: pieces of bytes, which each target reads in its own way (frames, lines, steps). So a
 * case can be kept in a file, cut down and played again by code that knows nothing of targets.
 */
export type Case = readonly Buffer[]

const COMMENT = '#'
const EMPTY_PIECE = '-'

/** A file of the corpus: comments, then a line of hex for each piece. */
export function formatCase(input: Case, comment: string): string {
  const comments = comment.split('\n').map((line) => `${COMMENT} ${line}`.trimEnd())
  const pieces = input.map((piece) => (piece.length === 0 ? EMPTY_PIECE : piece.toString('hex')))
  return `${[...comments, ...pieces].join('\n')}\n`
}

/** Blanks inside a line of hex are for the eye alone. Throws on what is no hex. */
export function parseCase(text: string): Case {
  const lines = text.split('\n').map((line) => line.replaceAll(/\s/g, ''))
  return lines.filter((line) => line !== '' && !line.startsWith(COMMENT)).map(pieceOf)
}

function pieceOf(line: string): Buffer {
  if (line === EMPTY_PIECE) return Buffer.alloc(0)
  if (!/^([0-9a-f]{2})+$/i.test(line)) throw new Error(`no hex: ${line.slice(0, 40)}`)
  return Buffer.from(line, 'hex')
}

export function sizeOf(input: Case): number {
  return input.reduce((sum, piece) => sum + piece.length + 1, 0)
}
