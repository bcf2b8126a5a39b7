/** What a log, and an error about a setting, must not hold. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { hostConfig } from '../../agent-host/config.ts'
import { withoutValues } from '../../agent-host/process/environment.ts'
import { readDaemonConfig } from '../../clients/cli/daemon/toml-config.ts'
import { shimConfig } from '../../clients/shim/config.ts'
import { configSection } from '../../protocol/config-file.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { jsonFault } from '../../protocol/json-fault.ts'
import { logger } from '../../protocol/process/life.ts'
import { REDACTED, secretsOf, withoutCredentials } from '../../protocol/process/redaction.ts'
import { secret, secretValues } from '../../protocol/secret-settings.ts'
import { Type } from '../../protocol/typebox.ts'

const HIDDEN = 'Zq-what-nobody-may-read'

function open(t: Test, secrets: readonly string[] = []) {
  const file = join(t.testdir({}), 'a.log')
  const settings = { log_level: 'trace', log_file: file, exit_with_parent: false }
  const log = logger('test', settings, secrets)
  const lines = () => readFileSync(file, 'utf8').trim().split('\n')
  return {
    log,
    text: () => readFileSync(file, 'utf8'),
    last: () => JSON.parse(lines().at(-1) ?? ''),
  }
}

t.test('fields that are named like secrets, or like what is said, are left out', async (t) => {
  const { log, last, text } = open(t)
  const names = [
    ...['env', 'environment', 'token', 'attach_token', 'authToken', 'ticket', 'resume', 'secret'],
    ...['jwt_secret', 'api_key', 'apiKey', 'x-api-key', 'password', 'Authorization', 'set-cookie'],
    ...['proxy-authorization', 'secretKey', 'private_key', 'prompt', 'system_prompt', 'text'],
    ...['content', 'input', 'context', 'body', 'params', 'args', 'spawnargs', 'headers', 'nonce'],
  ]
  for (const name of names) {
    log.info({ [name]: HIDDEN }, 'happened')
    t.equal(last()[name], REDACTED, name)
    log.trace({ a: { b: [{ [name]: { deep: HIDDEN } }] } }, 'happened')
    t.same(last().a, { b: [{ [name]: REDACTED }] })
  }
  t.notMatch(text(), HIDDEN)
  log.info({ session: 's', key_count: 2, tokens_used: 5, reason: 'why', none: null }, 'happened')
  t.match(last(), { session: 's', key_count: 2, tokens_used: 5, reason: 'why', none: null })
})

t.test('an error is told with its causes, and without what it was given', async (t) => {
  const { log, last, text } = open(t)
  const cause = Object.assign(new Error('spawn E2BIG'), { spawnargs: [HIDDEN], code: 'E2BIG' })
  const error = new ProtocolError('START_FAILED', { backend: 'b', reason: 'no' }, { cause })
  log.error({ err: error, error }, 'defect')
  const expected = {
    ...{ type: 'ProtocolError', code: 'START_FAILED', message: 'b did not start: no' },
    cause: { type: 'Error', message: 'spawn E2BIG', code: 'E2BIG', spawnargs: REDACTED },
  }
  t.match(last(), { err: expected, error: expected })
  t.match(last().err.stack, /redaction\.test/)
  log.warn(error)
  t.match(last(), { err: expected })
  t.notMatch(text(), HIDDEN)
})

t.test('no field is too odd for the log', async (t) => {
  const { log, last, text } = open(t)
  const circle: Record<string, unknown> = {}
  circle['again'] = circle
  log.info({ circle, bytes: Buffer.from(HIDDEN), list: [Buffer.from(HIDDEN)] }, 'happened')
  t.match(last(), { bytes: '[23 bytes]', list: ['[23 bytes]'] })
  t.notMatch(text(), /Zq|"90,113/)
  log.info({ many: Array.from({ length: 1000 }, (_, at) => at) }, 'happened')
  t.equal(last().many.length, 100)
  log.info('words alone')
  t.equal(last().msg, 'words alone')
})

t.test('values that are known are left out wherever they stand', async (t) => {
  const odd = 'quote " and \\ and\nnewline'
  const { log, last, text } = open(t, [HIDDEN, odd, 'short', `${HIDDEN}-and-more`])
  log.info({ reason: `it said ${HIDDEN}!`, [HIDDEN]: 1, other: odd }, `so ${HIDDEN}-and-more`)
  t.match(last(), { reason: `it said ${REDACTED}!`, other: REDACTED, msg: `so ${REDACTED}` })
  t.notMatch(text(), /Zq|quote/)
  log.info('a short word stays')
  t.match(last(), { msg: 'a short word stays' })
})

t.test('credentials are known by their looks', async (t) => {
  const looks: readonly [string, string][] = [
    ['at https://me:pass@host/x', `at https://${REDACTED}@host/x`],
    ['at tcp://user@host:1', `at tcp://${REDACTED}@host:1`],
    ['Authorization: Bearer abc.def-123', `Authorization: Bearer ${REDACTED}`],
    ['basic bWU6cGFzcw==', `basic ${REDACTED}`],
    [`token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.sig_-na`, `token ${REDACTED}`],
    ['key sk-ant-0123456789', `key ${REDACTED}`],
  ]
  for (const [text, left] of looks) t.equal(withoutCredentials(text), left)
  for (const text of ['a bearer of news', 'see http://a/b@c', 'basic things', 'ask-me', 'a@b.c']) {
    t.equal(withoutCredentials(text), text)
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      JSON.parse(withoutCredentials(JSON.stringify({ value, url: 'ipc://x', auth: 'Bearer 1"' })))
    }),
  )
  const env = { A_KEY: 'a', GITHUB_TOKEN: 'b', HOME: 'c', DB_PASSWORD: 'd', NONE: undefined }
  const plain = { MONKEY: 'e', AGENTMQ_ATTACH_TOKEN_MS: '300000', OLDPWD: '/x', KEY: '' }
  t.same(secretsOf({ ...env, ...plain, API_KEYS: 'f', PGPASSWORD: 'g' }), ['a', 'b', 'd', 'f', 'g'])
})

t.test('what a schema calls secret is found, however deep', async (t) => {
  const schema = Type.Object({
    key: Type.Optional(Type.String({ ...secret })),
    name: Type.String(),
    programs: Type.Record(
      Type.String(),
      Type.Object({ env: Type.Record(Type.String(), Type.String(), { ...secret }) }),
    ),
  })
  const value = { key: 'k', name: 'n', programs: { a: { env: { X: 'x' } } }, unknown: 'u' }
  t.same(secretValues(schema, value), ['k', 'x'])
  t.same(secretValues(schema, undefined), [])
})

/** The message of what was thrown, its stack and its causes. */
function complaint(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    const parts: string[] = []
    for (let error = thrown; error instanceof Error; error = error.cause) {
      parts.push(error.message, error.stack ?? '', JSON.stringify(error))
    }
    return parts.join('\n')
  }
  throw new Error('nothing was wrong')
}

t.test('what is wrong with a secret setting is told without it', async (t) => {
  const env = { HOME: '/home/me' }
  const long = HIDDEN + 'x'.repeat(5000)
  const shim = (more: object) => complaint(() => shimConfig({ env, ...more }))
  const host = (more: object) => complaint(() => hostConfig({ env, ...more }))
  const toml = (text: string) => complaint(() => readDaemonConfig(text, 'd.toml'))
  const file = (text: string) => complaint(() => configSection(text, 'shim', 'c.json'))
  const complaints = [
    shim({ flags: { 'jwt-secret': long } }),
    shim({ env: { ...env, AGENTMQ_API_KEY: long } }),
    shim({ file: { api_key: { HIDDEN } } }),
    shim({ file: { jwt_secret: [HIDDEN] } }),
    host({ flags: { 'acp-agents': `{"a":{"command":"x","env":{"K":"${HIDDEN}"}}` } }),
    host({ env: { ...env, AGENTMQ_STDIO_COMMANDS: `"${HIDDEN}"` } }),
    host({ file: { stdio_commands: { a: { command: 'x', env: { K: { HIDDEN } } } } } }),
    toml(`[auth]\njwt_secret = ${HIDDEN}\n`),
    toml(`[auth]\njwt_secret = ["${HIDDEN}"]\n`),
    file(`{"shim": {"jwt_secret": ${HIDDEN}}}`),
    file(`{"shim": {"jwt_secret": "${HIDDEN}}}`),
    file(`"${HIDDEN}"`),
  ]
  for (const text of complaints) {
    t.match(text, /jwt|api|acp|stdio|toml|json/i)
    t.notMatch(text, /Zq-what|what-nobody/)
  }
})

t.test('a fault in JSON is told by its line, and in no word of the text', async (t) => {
  const faults: readonly [string, RegExp][] = [
    ['{\n"a": 1,\n}', /^Expected double-quoted property name, line 3$/],
    [
      `{\n"a":\n"${'b'.repeat(40)}",\n"c": tru!${'e'.repeat(40)}}`,
      /^Unexpected token '!', line 4$/,
    ],
    ['abcdef', /^Unexpected token 'a'$/],
    ['{"a": abcdef}', /^Unexpected token 'a'$/],
    ['[1', /line 1$/],
    ['', /^Unexpected end of JSON input$/],
  ]
  for (const [text, expected] of faults) {
    try {
      JSON.parse(text)
      t.fail(`${text} is JSON`)
    } catch (thrown) {
      t.match(jsonFault(text, thrown), expected)
    }
  }
  const part = fc.constantFrom('{', '}', '"', ':', ',', '[', '\n', '1', 'e', '\\', HIDDEN, '\t')
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      try {
        JSON.parse(text)
      } catch (thrown) {
        const told = jsonFault(text, thrown)
        if (/Zq|what|nobody|read/.test(told.replace('cannot be read', ''))) throw new Error(told)
      }
    }),
  )
})

t.test('a text without the values of an environment has the names in their place', (t) => {
  const env = { KEY: 'abcdef', LONG: 'abcdefgh', HOME: '/home/me', SHORT: 'abc', PATH: '/usr/bin' }
  t.equal(
    withoutValues('abcdefgh abcdef abc /home/me /usr/bin', env),
    '[LONG] [KEY] abc /home/me /usr/bin',
  )
  t.end()
})
