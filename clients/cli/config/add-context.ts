/** `agentmq context add`: a new name for a broker, and the first knock at its door. */
import { isDeepStrictEqual } from 'node:util'
import type { PlaceSettings } from '../../../protocol/endpoints.ts'
import { isKey } from '../../../protocol/keys/key-pair.ts'
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { ownPublicKey, type PublicKey } from '../keys/own-key.ts'
import { readContextSettings } from '../settings.ts'
import { UsageError } from '../usage-error.ts'
import { absolute, CONTEXT_NAME, readContexts, saveContext } from './contexts.ts'
import { type Contact, tryContext } from './first-contact.ts'

export interface AddFlags {
  readonly server?: string | undefined
  /** Public key of the broker. */
  readonly key?: string | undefined
  readonly force: boolean
  readonly check: boolean
}

export async function addContext(name: string, flags: AddFlags, cli: Cli): Promise<number> {
  if (!CONTEXT_NAME.test(name)) {
    throw new UsageError(`${name} is no name for a context: letters, digits, dot, dash, underscore`)
  }
  const place = placeIn(flags, cli)
  const { byName, file } = readContexts(cli)
  const before = Object.hasOwn(byName, name) ? byName[name] : undefined
  if (before && !flags.force && !isDeepStrictEqual(before, place)) {
    throw new UsageError(`there is a context ${name} already, another one; --force replaces it`)
  }
  saveContext(cli, name, place)
  const settings = readContextSettings(cli, name)
  const key = place.broker_key === undefined ? undefined : ownPublicKey(cli.env, settings, 'client')
  const contact = flags.check ? await tryContext(settings, cli) : undefined
  tellAdded({ name, place, file, key, contact }, cli)
  return EXIT.ok
}

interface Added {
  readonly name: string
  readonly place: PlaceSettings
  readonly file: string
  readonly key: PublicKey | undefined
  readonly contact: Contact | undefined
}

function tellAdded({ name, place, file, key, contact }: Added, { output }: Cli): void {
  if (output.json) {
    const tried =
      contact && ('error' in contact ? { ...contact, error: contact.error.toWire() } : contact)
    output.record({
      context: name,
      ...place,
      file,
      ...(key && { own: key }),
      ...(tried && { tried }),
    })
    return
  }
  output.line(`context ${name} is in ${file}`)
  if (key) output.line(`own key ${key.fingerprint}`)
  if (contact?.status === 'connected') {
    output.line(`connected as ${contact.principal} (${contact.roles.join(', ')})`)
  } else if (contact) {
    output.note(`· not connected yet: ${contact.error.message}`)
    output.note(`  → ${contact.error.advice}`)
  }
  output.note(`· agentmq ps --context ${name}, or for every command: agentmq context use ${name}`)
}

/** Throws UsageError for what could never work. */
function placeIn({ server, key }: AddFlags, cli: Cli): PlaceSettings {
  const { globals } = cli
  const endpoint = server ?? globals.endpoint
  const dir = absolute(globals.dir, cli)
  const broker_key = key ?? globals['broker-key']
  if (endpoint === undefined && dir === undefined) {
    throw new UsageError('agentmq context add needs --server tcp://…, or --dir')
  }
  checkKey(endpoint, broker_key)
  const key_file = absolute(globals['key-file'], cli)
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(dir !== undefined && { dir }),
    ...(broker_key !== undefined && { broker_key }),
    ...(key_file !== undefined && { key_file }),
    ...(globals['foreign-socket'] === true && { foreign_socket: true }),
  }
}

const LOOPBACK = /^tcp:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/

function checkKey(endpoint: string | undefined, key: string | undefined): void {
  const isTcp = endpoint?.startsWith('tcp://') === true
  if (key === undefined) {
    if (!isTcp || LOOPBACK.test(endpoint)) return
    const where = '`agentmq keys export-context` on its machine prints it'
    throw new UsageError(`a broker of another machine is known by its key: --key; ${where}`)
  }
  if (!isTcp)
    throw new UsageError('--key goes with --server tcp://…; on this machine none is needed')
  if (isKey(key)) return
  const hint = /^[0-9a-f]{5}(-[0-9a-f]{5}){3}$/.test(key) ? ', this is a fingerprint' : ''
  throw new UsageError(`--key is no public key: 40 characters are expected, in quotes${hint}`)
}
