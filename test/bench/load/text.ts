/** What a chunk of the bench says: when it was due, filled up to the length of a usual delta. */

/** Characters of a chunk; the deltas of coding agents are about as long. */
export const CHUNK_LENGTH = 120

/** `at` by the clock of the machine, ms. */
export function chunkText(at: number, length: number = CHUNK_LENGTH): string {
  return at.toFixed(3).padEnd(length, ' .')
}

export function timeIn(text: string): number {
  return Number(text.slice(0, text.indexOf(' ')))
}
