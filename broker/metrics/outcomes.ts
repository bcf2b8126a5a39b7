/** What is counted at the sockets, by the names under which it is counted. */

/** Of a subscription, or of the end of one. unknown: not a ticket, not one any more, or one that was used before. */
export const SUBSCRIPTION_OUTCOMES = ['redeemed', 'released', 'unknown'] as const
export type SubscriptionOutcome = (typeof SUBSCRIPTION_OUTCOMES)[number]

/** To a key that asks to connect. later: it is not known; busy: it connects too often; never: it was revoked. */
export const KEY_ANSWERS = ['accept', 'later', 'busy', 'never'] as const
export type KeyAnswer = (typeof KEY_ANSWERS)[number]
