/** `agentmq keys list` and `pending`: who may come in, and who would like to. */
import type { KeyInfo, PendingKey, PrincipalInfo } from '../../../protocol/methods/key.ts'
import type { Client } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { commandFor } from '../session-text.ts'
import { type DoorInfo, everyPrincipal } from './everybody.ts'
import { labelledLines } from './lines.ts'

export async function listKeys(client: Client, cli: Cli): Promise<number> {
  const { door, principals } = await everyPrincipal(client, cli)
  const { output } = cli
  if (output.json) {
    output.record({ door, principals })
    return EXIT.ok
  }
  for (const line of labelledLines(doorRows(door), output)) output.line(line)
  if (principals.length === 0) {
    output.note('· no principal yet; agentmq keys export-context says how one joins')
    return EXIT.ok
  }
  const columns = principalColumns(Date.now(), cli)
  for (const line of table(columns, principals, output)) output.line(line)
  return EXIT.ok
}

export function doorRows(door: DoorInfo): readonly (readonly [string, string])[] {
  if (door.endpoint === '') return [['network', 'none; start the broker with --listen']]
  return [
    ['network', `${door.endpoint}, streams at ${door.streams}`],
    ['reached at', door.advertised],
    ['public key', `'${door.key}'`],
    ['fingerprint', door.fingerprint],
    ['next key', door.next_key && `'${door.next_key}'`],
  ]
}

function principalColumns(now: number, { output }: Cli): readonly Column<PrincipalInfo>[] {
  const { style } = output
  return [
    { title: 'PRINCIPAL', value: ({ principal }) => principal },
    {
      title: 'ROLES',
      value: ({ roles }) => roles.join(',') || 'none',
      paint: (cell, { roles }) => (roles.length === 0 ? style.red(cell) : cell),
    },
    { title: 'REACH', value: ({ reach }) => reach },
    { title: 'CONNECTED', value: ({ connections }) => String(connections), align: 'right' },
    { title: 'CHANGED', value: ({ changed_at }) => `${duration(now - changed_at)} ago` },
    { title: 'KEYS', value: ({ keys }) => keysText(keys) },
    { title: 'NOTE', value: ({ note }) => note },
  ]
}

export function keysText(keys: readonly KeyInfo[]): string {
  const active = activeKeys(keys).map(({ fingerprint }) => fingerprint)
  const revoked = keys.length - active.length
  return [...active, ...(revoked > 0 ? [`${revoked} revoked`] : [])].join(', ')
}

export function activeKeys(keys: readonly KeyInfo[]): KeyInfo[] {
  return keys.filter(({ status }) => status === 'active')
}

export async function listPending(client: Client, cli: Cli): Promise<number> {
  const { signal, output } = cli
  const { pending, limit } = await client.call('key.pending', {}, { signal })
  if (output.json) {
    output.record({ pending, limit })
    return EXIT.ok
  }
  if (pending.length === 0) {
    output.note('· no key knocks that is not known; they are forgotten when the broker restarts')
    return EXIT.ok
  }
  for (const line of table(pendingColumns(Date.now()), pending, output)) output.line(line)
  output.note('· compare the fingerprint with what the other machine shows, then one of:')
  for (const { fingerprint } of pending) output.line(approveLine(fingerprint, cli))
  return EXIT.ok
}

/** Ready to run but for the name, which only a person knows. */
function approveLine(fingerprint: string, { globals }: Cli): string {
  return `${commandFor(`keys approve ${fingerprint} --as NAME --role host`, globals)}   # or --role operator`
}

function pendingColumns(now: number): readonly Column<PendingKey>[] {
  return [
    { title: 'FINGERPRINT', value: ({ fingerprint }) => fingerprint },
    { title: 'ADDRESS', value: ({ address }) => address },
    { title: 'KNOCKS', value: ({ knocks }) => String(knocks), align: 'right' },
    { title: 'FIRST', value: ({ first_at }) => `${duration(now - first_at)} ago` },
    { title: 'LAST', value: ({ last_at }) => `${duration(now - last_at)} ago` },
  ]
}
