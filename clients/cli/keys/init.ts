/** `agentmq keys init` and `show`: keys of this machine, without any broker. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { configSection } from '../../../protocol/config-file.ts'
import {
  brokerKeyPath,
  brokerKeySetting,
  placeSettings,
  resolvePlaces,
} from '../../../protocol/endpoints.ts'
import { resolveSettings } from '../../../protocol/settings.ts'
import { Type } from '../../../protocol/typebox.ts'
import type { Cli } from '../command.ts'
import { readConfig } from '../config/config-edit.ts'
import { EXIT } from '../exit-codes.ts'
import { configPath, readSettings } from '../settings.ts'
import { shellWord } from '../shell-text.ts'
import { EXAMPLE_PORT } from './join-lines.ts'
import { labelledLines } from './lines.ts'
import { ownPublicKey, type PublicKey, publicKeyIn } from './own-key.ts'

const BrokerPlace = Type.Object({ dir: placeSettings.dir, ...brokerKeySetting })

/** Where a broker that is started here would look for its key. Throws BAD_CONFIG. */
function pathOfBrokerKey(cli: Cli): string {
  const { dir } = cli.globals
  const settings = resolveSettings(BrokerPlace, { flags: { dir }, env: cli.env, ...section(cli) })
  return brokerKeyPath(settings, resolvePlaces(cli.env, { dir: settings.dir }))
}

/** The two settings of the section `broker`; the broker itself checks the rest. */
function section(cli: Cli): { file?: unknown; fileName?: string } {
  const fileName = configPath(cli)
  const text = fileName === undefined ? undefined : readConfig(fileName)
  if (fileName === undefined || text === undefined) return {}
  const broker = configSection(text, 'broker', fileName)
  const own = Object.entries(broker ?? {}).filter(([key]) =>
    Object.hasOwn(BrokerPlace.properties, key),
  )
  return { file: Object.fromEntries(own), fileName }
}

export function initKeys(cli: Cli): number {
  const path = pathOfBrokerKey(cli)
  const isNew = !existsSync(path)
  const found = publicKeyIn(path)
  const { output } = cli
  if (output.json) {
    output.record({ ...found, made: isNew })
    return EXIT.ok
  }
  output.line(isNew ? 'made the key of the broker' : 'the broker has its key already')
  tellKey(found, cli)
  const listen = `agentmq up --listen tcp://0.0.0.0:${EXAMPLE_PORT} --advertise tcp://${hostname()}:${EXAMPLE_PORT}`
  output.note(`· listen with: ${listen}`)
  output.note('· then, for other machines: agentmq keys export-context')
  return EXIT.ok
}

export interface ShowFlags {
  readonly host?: string | undefined
  readonly raw: boolean
}

/** The key of this machine towards the broker that is meant; of one of its hosts with --host. */
export function showKey({ host, raw }: ShowFlags, cli: Cli): number {
  const name = host === undefined ? 'client' : `host-${host}`
  const found = ownPublicKey(cli.env, readSettings(cli), name)
  if (cli.output.json) cli.output.record(found)
  else if (raw) cli.output.line(found.key)
  else tellKey(found, cli)
  return EXIT.ok
}

function tellKey({ key_file, key, fingerprint }: PublicKey, { output }: Cli): void {
  const rows = [
    ['file', key_file],
    ['public key', shellWord(key)],
    ['fingerprint', fingerprint],
  ] as const
  for (const line of labelledLines(rows, output)) output.line(line)
}
