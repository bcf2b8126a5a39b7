/** `agentmq keys rotate`: the change of the broker's own key, with a look at who does not know the next one. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { fingerprint } from '../../../protocol/keys/key-pair.ts'
import type { DoorInfo, PrincipalInfo } from '../../../protocol/methods/key.ts'
import type { Client } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { type Column, table } from '../render/table.ts'
import { commandFor } from '../session-text.ts'
import { confirmed, isAtTerminal } from './confirm.ts'
import { everyPrincipal } from './everybody.ts'
import { notListening } from './join-lines.ts'
import { labelledLines } from './lines.ts'
import { activeKeys } from './list.ts'

export const STEPS = ['begin', 'finish', 'abandon'] as const
export type Step = (typeof STEPS)[number]

export interface RotateFlags {
  readonly yes: boolean
}

/** Without a step it tells how far a change is. */
export async function rotateKey(
  client: Client,
  step: Step | undefined,
  { yes }: RotateFlags,
  cli: Cli,
): Promise<number> {
  if (step === 'finish' && !yes && !(await mayFinish(client, cli))) {
    cli.output.note('· the key is as it was')
    return EXIT.failed
  }
  if (step !== undefined) await client.call('key.rotate', { step })
  const { door, principals } = await everyPrincipal(client, cli)
  if (door.endpoint === '') throw notListening()
  if (cli.output.json) cli.output.record({ door, waiting: waitingFor(door, principals) })
  else tell(step, { door, principals }, cli)
  return EXIT.ok
}

interface Waiting {
  readonly principal: string
  readonly fingerprint: string
}

/** Active keys whose owners have not been told of the next one, as far as the broker knows. */
function waitingFor(
  { next_key }: DoorInfo,
  principals: readonly PrincipalInfo[],
): readonly Waiting[] {
  if (next_key === '') return []
  return principals.flatMap(({ principal, keys }) =>
    activeKeys(keys)
      .filter(({ told_next }) => !told_next)
      .map(({ fingerprint }) => ({ principal, fingerprint })),
  )
}

/** Whoever is missing cannot get in afterwards, until somebody gives it the new key. Throws WRONG_STEP. */
async function mayFinish(client: Client, cli: Cli): Promise<boolean> {
  const { door, principals } = await everyPrincipal(client, cli)
  const missing = [...new Set(waitingFor(door, principals).map(({ principal }) => principal))]
  if (missing.length === 0) return true
  const reason = `not everybody knows the next key: ${missing.join(', ')}`
  if (isAtTerminal(cli)) return await confirmed(`${reason}; finish all the same?`, cli)
  throw new ProtocolError(
    'WRONG_STEP',
    { reason: `${reason}; --yes if it should be so` },
    { where: 'cli' },
  )
}

function tell(
  step: Step | undefined,
  { door, principals }: { readonly door: DoorInfo; readonly principals: readonly PrincipalInfo[] },
  { output, globals }: Cli,
): void {
  const next = door.next_key === '' ? 'none' : fingerprint(door.next_key)
  const rows = [
    ['key', door.fingerprint],
    ['next key', next],
  ] as const
  for (const line of labelledLines(rows, output)) output.line(line)
  const waiting = waitingFor(door, principals)
  for (const line of waiting.length > 0 ? table(COLUMNS, waiting, output) : []) output.line(line)
  for (const note of notesOn(step, door, waiting.length)) output.note(`· ${note}`)
  const verb = (name: string) => commandFor(`keys rotate ${name}`, globals)
  if (door.next_key !== '')
    output.note(`· ${verb('finish')} when nobody is missing; ${verb('abandon')} forgets it`)
  else if (step === undefined) output.note(`· ${verb('begin')} announces another one`)
}

function notesOn(step: Step | undefined, { next_key }: DoorInfo, waiting: number): string[] {
  if (step === 'finish') {
    return [
      'who was told follows by itself; others need what agentmq keys export-context prints now',
    ]
  }
  if (next_key === '') return []
  return waiting === 0
    ? ['everybody was told of the next key']
    : ['these were not told yet; they are when they connect']
}

const COLUMNS: readonly Column<Waiting>[] = [
  { title: 'NOT TOLD YET', value: ({ principal }) => principal },
  { title: 'KEY', value: ({ fingerprint }) => fingerprint },
]
