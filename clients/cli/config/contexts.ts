/** The contexts of a user: what the config file says of them, and how they are changed there. */
import { resolve } from 'node:path'
import { contextsOf, unknownContext } from '../../../protocol/contexts.ts'
import type { PlaceSettings } from '../../../protocol/endpoints.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Cli } from '../command.ts'
import { configPath, readContextName } from '../settings.ts'
import { editConfig, readConfig } from './config-edit.ts'
import { removeMember, setMember } from './json-edit.ts'

/** Names that need no quotes anywhere. */
export const CONTEXT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export interface Contexts {
  readonly file: string
  readonly byName: Readonly<Record<string, PlaceSettings>>
  /** The one that holds when nobody names one, or a flag or a variable that names one here and now. */
  readonly current: string | undefined
}

type Source = Pick<Cli, 'env' | 'globals'>

/** Throws BAD_CONFIG. */
export function readContexts(cli: Source): Contexts {
  const file = fileOf(cli)
  const text = readConfig(file)
  const byName = text === undefined ? {} : contextsOf(text, file)
  return { file, byName, current: readContextName(cli) }
}

/** A context of this name. Throws BAD_CONFIG with the nearest one there is. */
export function contextNamed({ file, byName }: Contexts, name: string): PlaceSettings {
  const place = Object.hasOwn(byName, name) ? byName[name] : undefined
  if (place) return place
  throw unknownContext(name, file, Object.keys(byName))
}

export function saveContext(cli: Source, name: string, place: PlaceSettings): void {
  const file = fileOf(cli)
  editConfig(file, (text) => {
    const after = setMember(text, ['contexts', name], place)
    contextsOf(after, file) // what could not be read back is not written
    return after
  })
}

/** True when it was the usual one, which there is none of now. */
export function removeContext(cli: Source, name: string): boolean {
  let wasUsual = false
  editConfig(fileOf(cli), (text) => {
    wasUsual = usualOf(text) === name
    const rest = removeMember(text, ['contexts', name])
    return wasUsual ? removeMember(rest, ['client', 'context']) : rest
  })
  return wasUsual
}

/** The context of commands that name none; undefined = the broker of this machine. */
export function useContext(cli: Source, name: string | undefined): void {
  editConfig(fileOf(cli), (text) =>
    name === undefined
      ? removeMember(text, ['client', 'context'])
      : setMember(text, ['client', 'context'], name),
  )
}

/** Relative paths would mean something else tomorrow. */
export function absolute(path: string | undefined, { cwd }: Pick<Cli, 'cwd'>): string | undefined {
  return path === undefined ? undefined : resolve(cwd, path)
}

function fileOf(cli: Source): string {
  const file = configPath(cli)
  if (file !== undefined) return file
  const reason = 'neither --config nor XDG_CONFIG_HOME nor HOME says where the config file is'
  throw new ProtocolError('BAD_CONFIG', { source: 'environment', reason }, { where: 'cli' })
}

function usualOf(text: string): unknown {
  const { client } = JSON.parse(text) as { readonly client?: { readonly context?: unknown } }
  return client?.context
}
