/** Programs of the host's config as agents: real processes behind a real broker and host. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'

const node = (script: string) => ({ command: process.execPath, args: ['-e', script] })
const lines = (onLine: string): string =>
  `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => { ${onLine} })`

const COMMANDS = {
  quote: { command: 'sed', args: ['-u', 's/^/> /'], idle_ms: 50, title: 'Quoter' },
  marked: {
    ...node(lines(`console.log(line); setTimeout(() => console.log('late\\n---'), 100)`)),
    turn_end: 'line',
    end_line: '---',
    idle_ms: 1,
  },
  sorter: { command: 'sort', turn_end: 'exit' },
  failing: { command: 'sh', args: ['-c', 'cat; exit 3'], turn_end: 'exit' },
  counter: {
    ...node(`let n = 0; let at; process.on('SIGINT', () => clearInterval(at))
      ${lines(`if (line === 'count') at = setInterval(() => console.log(++n), 5); else console.log(line)`)}`),
    turn_end: 'line',
    end_line: 'never',
    idle_ms: 100,
    interrupt: true,
  },
  printer: { command: 'printf', args: ['%s\n'], turn_end: 'exit', extra_args: true },
  plain: { command: 'cat', extra_args: true },
  missing: { command: '/no/such/program' },
}

const isEnd = ({ type }: StreamItem): boolean => type === 'complete'

t.test('programs of the config', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const args = ['--root', cluster.workspace, '--stdio-commands', JSON.stringify(COMMANDS)]
  await cluster.host({ args: [...args, '--stop-ms', '300'] })
  const client = await cluster.connect()
  const create = (backend: string, more: object = {}) =>
    client.createSession({ backend, cwd: cluster.workspace, ...more })

  t.test('each is a backend of its own, found without being run', async (t) => {
    const { hosts } = await client.call('host.list', {})
    const found = new Map(hosts[0]?.backends.map((backend) => [backend.name, backend]))
    t.match(found.get('quote'), { title: 'Quoter', available: true, version: /\/sed$/ })
    t.same(found.get('sorter')?.capabilities, ['write'])
    t.same(found.get('counter')?.capabilities, ['multiTurn', 'interrupt', 'write'])
    t.match(found.get('missing'), { available: false, reason: 'no command /no/such/program' })
  })

  t.test('a silence ends a turn, and the program lives on', async (t) => {
    const session = await create('quote')
    const first = await turn(session, 'one\ntwo')
    t.equal(textOf(first), '> one\n> two\n')
    t.match(first.at(-1), { type: 'turn_complete', turn_number: 1, reason: 'end_turn' })
    t.equal(textOf(await turn(session, 'three')), '> three\n')
    t.match(await session.stop(), { status: 'ended', exit_code: 0 })
  })

  t.test('a line ends a turn, however long the silence before it', async (t) => {
    const session = await create('marked')
    t.equal(textOf(await turn(session, 'first')), 'first\nlate\n')
    t.equal(textOf(await turn(session, 'second')), 'second\nlate\n')
    await session.stop()
  })

  t.test('the end of the process ends a turn, with its true exit code', async (t) => {
    for (const [backend, code, status] of [
      ['sorter', 0, 'ended'],
      ['failing', 3, 'failed'],
    ] as const) {
      const session = await create(backend)
      await session.prompt('b\na')
      const seen = await until(session.follow(), isEnd)
      t.equal(textOf(seen), backend === 'sorter' ? 'a\nb\n' : 'b\na\n')
      t.match(only(seen, 'turn_complete'), [{ turn_number: 1, reason: 'end_turn' }])
      t.match(seen.at(-1), { type: 'complete', exit_code: code })
      t.match(await session.refresh(), { status })
      if (status === 'failed')
        await t.rejects(session.recover(), { message: /earlier conversation/ })
    }
  })

  t.test('SIGINT ends a turn where the config says so, and the program lives on', async (t) => {
    const session = await create('counter')
    const { sequence } = await session.prompt('count')
    await until(session.follow({ from: sequence }), ({ type }) => type === 'text')
    t.match(await session.interrupt(), { interrupted: true, turn: 1 })
    const isTurnEnd = ({ type }: StreamItem): boolean => type === 'turn_complete'
    const seen = await until(session.follow({ from: sequence }), isTurnEnd)
    t.match(seen.at(-1), { turn_number: 1, reason: 'interrupted' })
    t.match(textOf(seen), /^1\n2\n/)
    const next = await session.prompt('still here')
    const isText = ({ type }: StreamItem): boolean => type === 'text'
    t.equal(textOf(await until(session.follow({ from: next.sequence }), isText)), 'still here\n')
    await session.kill()
  })

  t.test('a turn that cannot be interrupted says so and goes on', async (t) => {
    const session = await create('marked')
    const { sequence } = await session.prompt('go')
    await session.interrupt()
    const isTurnEnd = ({ type }: StreamItem): boolean => type === 'turn_complete'
    const seen = await until(session.follow({ from: sequence }), isTurnEnd)
    t.match(only(seen, 'stderr'), [{ content: /cannot be interrupted/ }])
    t.match(seen.at(-1), { reason: 'end_turn' })
    await session.kill()
  })

  t.test('a program needs no prompt: it takes lines, and waits while it is paused', async (t) => {
    const session = await create('plain', { extra_args: ['-'] })
    t.match(session.info, { status: 'idle', turn: 0 })
    t.match(await session.probe(), { quiet_ms: -1, held_bytes: Number })
    const texts = session.follow()[Symbol.asyncIterator]()
    const nextText = async (): Promise<string> => {
      for (;;) {
        const { value } = await texts.next()
        if (value?.type === 'text') return value.content
      }
    }
    await session.write('one')
    t.equal(await nextText(), 'one\n')
    t.match(await session.pause('hold'), { status: 'idle', paused: 'hold' })
    await session.write('two')
    t.equal(await nextText(), 'two\n', 'a held program has no turn to wait with')
    t.match(await session.pause('freeze'), { paused: 'freeze' })
    await session.write('three')
    const { pid } = session.info
    const probed = await session.probe('there and back')
    t.match(probed, { pid, turn: 0, stdin_bytes: 0, data: 'there and back', host: String })
    t.ok(probed.quiet_ms >= 0, 'since its last line')
    for (let n = 0; n < 4; n += 1) await session.write('x'.repeat(60_000))
    t.ok((await session.probe()).stdin_bytes > 0, 'a frozen one takes nothing')
    t.match(readFileSync(`/proc/${pid}/stat`, 'utf8'), /\(cat\) T /)
    t.match(await session.resume(), { status: 'idle', paused: '' })
    t.match(await nextText(), /^three\n/)
    while ((await session.probe()).stdin_bytes > 0);
    await texts.return?.()
    t.match(await session.stop(), { status: 'ended', exit_code: 0, pid: null, last_pid: pid })
  })

  t.test('nothing runs but what the config names, with the arguments that it names', async (t) => {
    await t.rejects(create('stdio'), { code: 'NO_BACKEND' })
    await t.rejects(create('/bin/sh'), { code: 'NO_BACKEND' })
    await t.rejects(create('missing'), {
      code: 'NO_BACKEND',
      message: /no such program|no command/,
    })
    const refused = { code: 'INVALID_PARAMS' }
    await t.rejects(create('quote', { extra_args: ['-n'] }), { ...refused, message: /extra_args/ })
    await t.rejects(create('quote', { model: 'x' }), { ...refused, message: /model/ })
    await t.rejects(create('quote', { allowed_tools: ['Bash'] }), refused)
    const session = await create('printer', { extra_args: ['a', 'b'] })
    const seen = await until(session.follow(), isEnd)
    t.equal(textOf(seen), 'a\nb\n')
  })
})
