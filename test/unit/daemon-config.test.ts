/** The flags and the config file of the old daemon, and what they mean for the shim. */
import t from 'tap'
import { type DaemonFlags, readDaemonFlags } from '../../clients/cli/daemon/flags.ts'
import { partSettings } from '../../clients/cli/daemon/shim-settings.ts'
import { NO_CONFIG, readDaemonConfig } from '../../clients/cli/daemon/toml-config.ts'

async function flags(...argv: string[]): Promise<DaemonFlags> {
  const read = await readDaemonFlags(argv, '1.2.3')
  if (typeof read === 'string') throw new Error(read)
  return read
}
const config = (toml: string) => readDaemonConfig(toml, 'daemon.toml')

/** A file as the old daemon came with, with every field that it had. */
const FULL = `
[server]
http_addr = "127.0.0.1"
http_port = 1
ws_addr = "127.0.0.1"
ws_port = 2
pub_addr = "0.0.0.0"
pub_port = 3
request_timeout_secs = 30
max_connections = 7
enable_metrics = true
metrics_port = 4

[auth]
enabled = false
jwt_secret = "default-secret-change-in-production"
token_expiry_secs = 3600

[pool]
min_size = 10
max_size = 100
connection_timeout_secs = 30
idle_timeout_secs = 300

[logging]
level = "WARN"
file = "/tmp/x.log"
stdout = false
format = "json"
`

t.test('every flag is read, short and long', async (t) => {
  t.same(await flags(), {
    ...{ config: undefined, httpPort: undefined, wsPort: undefined, pubPort: undefined },
    ...{ enableAuth: false, jwtSecret: undefined, logLevel: undefined, verbose: false },
  })
  const long = ['--config', 'a', '--http-port', '1', '--ws-port', '2', '--pub-port', '3']
  const rest = ['--enable-auth', '--jwt-secret', 's', '--log-level', 'warn', '--verbose']
  const all = {
    ...{ config: 'a', httpPort: 1, wsPort: 2, pubPort: 3, enableAuth: true },
    ...{ jwtSecret: 's', logLevel: 'warn', verbose: true },
  }
  t.same(await flags(...long, ...rest), all)
  t.match(await flags('-c', 'a', '-w', '2', '-l', 'warn', '-v'), {
    ...{ config: 'a', wsPort: 2, logLevel: 'warn', verbose: true },
  })
})

t.test('help and version are answers, and what nobody knows is refused', async (t) => {
  t.match(await readDaemonFlags(['--version'], '1.2.3'), /^descartes-daemon \(agentmq 1\.2\.3\)/)
  t.match(await readDaemonFlags(['--help'], '1.2.3'), /--ws-port/)
  await t.rejects(flags('--http-prot', '1'), { code: 'USAGE', message: /http-prot/ })
  await t.rejects(flags('--http-port', 'many'), { code: 'USAGE', message: /must be a port/ })
  await t.rejects(flags('--ws-port', '70000'), { code: 'USAGE', message: /--ws-port/ })
  await t.rejects(flags('--config'), { code: 'USAGE' })
})

t.test('a file of the old daemon is taken as it is', async (t) => {
  const { shim, ...rest } = partSettings(await flags(), config(FULL))
  t.same(shim.join(' ').split(' --'), [
    '--http-host 127.0.0.1',
    'http-port 1',
    'ws-host 127.0.0.1',
    'ws-port 2',
    'pub-port 3',
    'http-request-ms 30000',
    'http-connections 7',
    'metrics-port 4',
    'pub-host 127.0.0.1',
  ])
  t.match(rest, { logLevel: 'warn', logFile: '/tmp/x.log', isQuiet: true, secrets: {} })
  t.match(rest.notes, [/pub_addr 0\.0\.0\.0/])
})

t.test('flags win over the file, and what is in neither stays as it is', async (t) => {
  const server = config('[server]\nhttp_port = 1\nws_port = 2')
  const { shim, logLevel } = partSettings(await flags('--http-port', '9', '-v'), server)
  t.same(shim, ['--http-port', '9', '--ws-port', '2'])
  t.equal(logLevel, 'debug')
  t.same(partSettings(await flags(), NO_CONFIG), {
    ...{ shim: [], secrets: {}, logLevel: undefined, logFile: undefined },
    ...{ isQuiet: false, notes: [] },
  })
  t.same(partSettings(await flags(), config('[server]\nenable_metrics = false')).shim, [
    '--no-metrics',
  ])
})

t.test('a field that nobody knows is named, with the one that was meant', (t) => {
  const wrong = (toml: string, message: RegExp) =>
    t.throws(() => config(toml), { code: 'BAD_CONFIG', message })
  wrong('[server]\nhttp_prot = 1', /daemon\.toml: server.*http_prot.*http_port/)
  wrong('[servers]', /unknown key servers; did you mean server\?/)
  wrong('[server]\nhttp_port = "1"', /daemon\.toml: server.*http_port/)
  wrong('[server]\nhttp_port = 70000', /http_port/)
  wrong('server = 1', /daemon\.toml: server/)
  wrong('[server', /daemon\.toml: Invalid TOML/)
  t.end()
})

t.test('whoever is asked for a secret must have one of their own', async (t) => {
  const refused = async (argv: string[], toml: string, message: RegExp) => {
    const given = await flags(...argv)
    t.throws(() => partSettings(given, config(toml)), { code: 'BAD_CONFIG', message })
  }
  const shipped = 'jwt_secret = "default-secret-change-in-production"'
  await refused(['--enable-auth'], '', /needs one/)
  await refused([], `[auth]\nenabled = true\n${shipped}`, /everybody knows/)
  const own = partSettings(await flags('--enable-auth', '--jwt-secret', 'mine'), NO_CONFIG)
  t.match(own, { shim: ['--enable-auth'], secrets: { AGENTMQ_JWT_SECRET: 'mine' } })
  t.notMatch(own.shim.join(' '), 'mine', 'it is not in the list of processes')
  const key = partSettings(await flags(), config('[auth]\nenabled = true\napi_key = "k"'))
  t.same(key.secrets, { AGENTMQ_API_KEY: 'k' })
})
