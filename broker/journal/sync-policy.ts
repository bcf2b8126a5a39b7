/**
 * How sure a commit is before it is acknowledged; docs/reliability.md says what each can lose. Apart
 * from the engine, so that whoever only reads settings does not load it.
 */
export const SYNC_POLICIES = ['always', 'data', 'os'] as const
export type SyncPolicy = (typeof SYNC_POLICIES)[number]
