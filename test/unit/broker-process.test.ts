/** The broker's edges to its machine: flags, claims of files and endpoints, connections, the log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main as hostMain } from '../../agent-host/main.ts'
import { claimEndpoint } from '../../broker/claim-endpoint.ts'
import { main as brokerMain } from '../../broker/main.ts'
import { claim } from '../../broker/ownership.ts'

function temporary(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Runs a main that is expected to end at once. */
async function says(t: Test, main: typeof brokerMain, ...argv: string[]) {
  const stdout = t.capture(process.stdout, 'write', () => true)
  const stderr = t.capture(process.stderr, 'write', () => true)
  const exit = await main(argv)
  stdout.restore()
  stderr.restore()
  const textOf = (calls: { args: unknown[] }[]) => calls.map(({ args }) => String(args[0])).join('')
  return { exit, stdout: textOf(stdout()), stderr: textOf(stderr()) }
}

for (const [name, main, typo, meant] of [
  ['broker', brokerMain, '--heartbaet-ms', '--heartbeat-ms'],
  ['host', hostMain, '--slot', '--slots'],
] as const) {
  t.test(`a mistyped flag of ${name} is answered with the nearest known one`, async (t) => {
    const { exit, stderr } = await says(t, main, typo, '5')
    t.equal(exit, 2)
    t.match(stderr, `flags: unknown key ${typo}; did you mean ${meant}?`)
  })

  t.test(`${name} refuses words, flags without their value, and text for numbers`, async (t) => {
    const wrong = [['foo'], ['--config'], ['--', '--dir'], [meant, 'abc'], ['--log-level', 'loud']]
    for (const argv of wrong) {
      const { exit, stderr } = await says(t, main, ...argv)
      t.equal(exit, 2, argv.join(' '))
      t.match(stderr, /^agentmq \w+: flags: [-\w]/)
    }
  })

  t.test(`the help of ${name} names every setting with its variable`, async (t) => {
    const { exit, stdout } = await says(t, main, '--help')
    t.equal(exit, 0)
    t.match(stdout, /--log-level .*least severe level/i)
    t.match(stdout, '[AGENTMQ_LOG_LEVEL]')
    t.match(stdout, '--config')
    t.notMatch(stdout, '--version')
  })
}

t.test('a claim names what is in use, and can be made again once it is given up', (t) => {
  const path = join(temporary(t), 'owner')
  const release = claim(path, 'journal here')
  t.throws(() => claim(path, 'journal here'), {
    code: 'IN_USE',
    message: 'journal here is in use by this process',
  })
  release()
  claim(path, 'journal here')()
  t.end()
})

t.test('an endpoint in use is named as the endpoint that it is', (t) => {
  const endpoint = `ipc://${join(temporary(t), 'broker.sock')}`
  t.teardown(claimEndpoint(endpoint))
  t.throws(() => claimEndpoint(endpoint), {
    code: 'IN_USE',
    details: { what: `endpoint ${endpoint}` },
  })
  t.end()
})
