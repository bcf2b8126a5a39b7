/**
 * Where a real CLI runs in a test: folders of its own and an environment that names the fake model and
 * nothing of the machine's settings, keys or history.
 */

import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CliName } from './clis.ts'

export const FAKE_KEY = 'sk-fake-key'

export interface RealEnvironment {
  /** Complete: nothing is inherited, though tap adds variables of its own when it starts the child. */
  readonly env: Readonly<Record<string, string>>
  readonly home: string
  /** The working directory: empty, and no part of any repository. */
  readonly workspace: string
}

interface Ground {
  readonly home: string
  readonly modelUrl: string
}

/** The settings of one CLI. A CLI that wants config files writes them into the home here. */
type Settings = (
  ground: Ground,
) => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>

const GEMINI_SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  privacy: { usageStatisticsEnabled: false },
  general: { enableAutoUpdate: false },
}

/** One provider, the fake model, by the chat-completions package that the CLI brings along. */
function openCodeConfig(modelUrl: string): object {
  const model = { name: 'Fake', reasoning: true, tool_call: true }
  return {
    provider: {
      fake: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Fake',
        options: { baseURL: `${modelUrl}/v1`, apiKey: FAKE_KEY },
        models: { 'fake-model': { ...model, limit: { context: 200_000, output: 8192 } } },
      },
    },
    model: 'fake/fake-model',
    small_model: 'fake/fake-model',
    enabled_providers: ['fake'],
    autoupdate: false,
    share: 'disabled',
    snapshot: false,
  }
}

const SETTINGS: Readonly<Record<CliName, Settings>> = {
  claude: ({ home, modelUrl }) => ({
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: FAKE_KEY,
    DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_ERROR_REPORTING: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // The default of 10, with its backoff, outlasts any test of a failure.
    CLAUDE_CODE_MAX_RETRIES: '1',
  }),
  gemini: async ({ home, modelUrl }) => {
    await mkdir(join(home, '.gemini'))
    await writeFile(join(home, '.gemini', 'settings.json'), JSON.stringify(GEMINI_SETTINGS))
    return {
      GOOGLE_GEMINI_BASE_URL: modelUrl,
      GEMINI_API_KEY: FAKE_KEY,
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
      GEMINI_TELEMETRY_ENABLED: 'false',
    }
  },
  opencode: ({ modelUrl }) => ({
    OPENCODE_CONFIG_CONTENT: JSON.stringify(openCodeConfig(modelUrl)),
    OPENCODE_PERMISSION: JSON.stringify({ bash: 'ask', edit: 'ask' }),
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
  }),
  codex: async ({ home, modelUrl }) => {
    const folder = join(home, '.codex')
    await mkdir(folder)
    await writeFile(join(folder, 'config.toml'), codexConfig(modelUrl))
    return { CODEX_HOME: folder, FAKE_API_KEY: FAKE_KEY }
  },
}

/** Retries are few for the same reason as above. */
function codexConfig(modelUrl: string): string {
  return `model = "gpt-5.1-codex"
model_provider = "fake"
model_reasoning_summary = "detailed"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.fake]
name = "fake"
base_url = "${modelUrl}/v1"
wire_api = "responses"
env_key = "FAKE_API_KEY"
request_max_retries = 1
stream_max_retries = 1
supports_websockets = false
`
}

/** Folders outside the checkout, so that no CLI finds this repository; removed with the test. */
export async function realEnvironment(
  t: Test,
  cli: CliName,
  modelUrl: string,
): Promise<RealEnvironment> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'agentmq-real-')))
  t.teardown(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))
  const folder = async (name: string): Promise<string> => {
    await mkdir(join(root, name))
    return join(root, name)
  }
  const home = await folder('home')
  const workspace = await folder('workspace')
  const { PATH = '' } = process.env
  const base = {
    PATH,
    HOME: home,
    TMPDIR: await folder('tmp'),
    LANG: 'C.UTF-8',
    TERM: 'dumb',
  }
  const own = await SETTINGS[cli]({ home, modelUrl })
  return { env: { ...base, ...own }, home, workspace }
}
