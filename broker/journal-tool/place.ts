/** Finds the journal that a tool is meant for: where the broker of the same settings has it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultConfigPath } from '../../protocol/config-file.ts'
import { placeOfContext, unknownContext } from '../../protocol/contexts.ts'
import { type Environment, resolvePlaces } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { configFile } from '../../protocol/process/command-line.ts'
import { resolveSettings } from '../../protocol/settings.ts'
import { BrokerSettings, journalDirectory } from '../config.ts'

type Flags = Readonly<Record<string, unknown>>

/** The directory of the journal. Throws BAD_CONFIG, also when no journal is there. */
export function findJournal(flags: Flags, env: Environment): string {
  const directory = directoryOf(flags, env)
  if (existsSync(join(directory, 'journal.mdb'))) return directory
  const reason = `there is no journal in ${directory}; name its place with --dir or --journal-dir`
  throw new ProtocolError('BAD_CONFIG', { source: 'journal', reason })
}

function directoryOf(flags: Flags, env: Environment): string {
  const { dir, 'journal-dir': journalDir, context } = flags
  const isPlaced = dir !== undefined || journalDir !== undefined
  if (!isPlaced && typeof context === 'string') return ofContext(context, flags, env)
  const config = flags['config'] ?? (env['AGENTMQ_CONFIG'] || undefined)
  const file = configFile('broker', config, env)
  const given = { dir, 'journal-dir': journalDir }
  const settings = resolveSettings(BrokerSettings, { flags: given, env, ...file })
  const named = env['AGENTMQ_CONTEXT']
  const isDefault = settings.dir === undefined && settings.journal_dir === undefined
  if (isDefault && named) return ofContext(named, flags, env)
  const { dir: root } = settings
  return journalDirectory(settings, resolvePlaces(env, root === undefined ? {} : { dir: root }))
}

function ofContext(name: string, flags: Flags, env: Environment): string {
  const named = flags['config'] ?? (env['AGENTMQ_CONFIG'] || defaultConfigPath(env))
  if (typeof named !== 'string' || !existsSync(named)) throw unknownContext(name, 'config file')
  const { dir } = placeOfContext(name, readFileSync(named, 'utf8'), named)
  if (dir !== undefined) return journalDirectory({}, resolvePlaces(env, { dir }))
  const reason = `${name} has no dir; a journal is read on the machine of its broker, by --journal-dir`
  throw new ProtocolError('BAD_CONFIG', { source: 'context', reason })
}
