/** An answer that has not come after this is taken for none. Machines are busy: many times what it takes, ms. */
export const ANSWER_MS = 30_000
