/** One run, for people: one line when it was well, everything one needs when it was not. */
import type { Outcome } from './world.ts'

export function describe({ seed, steps, violations, recent, figures }: Outcome): string {
  const numbers = Object.entries(figures).map(([name, count]) => `${name} ${count}`)
  if (violations.length === 0) return `seed ${seed}: ok, ${steps} steps, ${numbers.join(', ')}`
  return [
    `seed ${seed}: FAILED at step ${steps}`,
    ...violations.slice(0, 5).map((violation) => `  ${violation}`),
    '  the last events:',
    ...recent.map((event) => `    ${event}`),
  ].join('\n')
}
