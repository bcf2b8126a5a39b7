/** "Did you mean …?": the known word that a mistyped one is closest to. */

/** Levenshtein distance, two rows. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const left = current[j - 1] ?? 0
      const up = previous[j] ?? 0
      const diagonal = previous[j - 1] ?? 0
      current.push(Math.min(left + 1, up + 1, diagonal + cost))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/** The nearest candidate, unless even that one is too far away to be what was meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 2)) + 1
  for (const candidate of candidates) {
    const d = distance(word.toLowerCase(), candidate.toLowerCase())
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best
}
