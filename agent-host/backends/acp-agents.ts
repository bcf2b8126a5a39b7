/** The agents that speak the Agent Client Protocol (version 1) by themselves, one row each. */

import { secret } from '../../protocol/secret-settings.ts'
import { type Static, Type } from '../../protocol/typebox.ts'

/** An agent of the host's config: `acp_agents` is a record of these by name. */
export const AcpAgentSettings = Type.Object(
  {
    command: Type.String({ minLength: 1, maxLength: 4096, description: 'Name or path' }),
    args: Type.Optional(
      Type.Array(Type.String({ maxLength: 4096 }), {
        maxItems: 256,
        description: 'Arguments that make it speak the protocol, such as --acp',
      }),
    ),
    env: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.String(), {
        ...secret,
        description: 'Environment it needs',
      }),
    ),
    title: Type.Optional(Type.String({ maxLength: 128, description: 'Name for people' })),
    auth: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Method of `authenticate` to use when the agent says that it needs a login',
      }),
    ),
  },
  { additionalProperties: false },
)
export type AcpAgentSettings = Static<typeof AcpAgentSettings>

/** What one agent does otherwise than the rest. */
export interface AcpQuirks {
  /** The id of a tool call is the name of the tool up to here; its title is the command. */
  readonly toolNameBefore?: string
  /** It offers `session/load` and then fails. */
  readonly cannotResume?: boolean
}

export interface AcpAgent extends AcpAgentSettings {
  readonly name: string
  readonly title: string
  readonly quirks: AcpQuirks
}

/** Seen with OpenCode 1.18.33. What it asks about is its own config: by default it allows everything. */
export const OPENCODE: AcpAgent = {
  name: 'opencode',
  title: 'OpenCode',
  command: 'opencode',
  args: ['acp'],
  quirks: {},
}

/** Seen with Gemini CLI 0.61.0. Relaunched as a child of itself, it outlives a SIGKILL of its parent. */
export const GEMINI: AcpAgent = {
  name: 'gemini',
  title: 'Gemini CLI',
  command: 'gemini',
  args: ['--acp'],
  env: { GEMINI_CLI_NO_RELAUNCH: 'true' },
  auth: 'gemini-api-key',
  quirks: { toolNameBefore: '__', cannotResume: true },
}
