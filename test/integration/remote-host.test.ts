/**
 * A host and a client on another machine, by docs/operations.md word for word: the commands are read from the
 * page, and run in two network namespaces with nothing but a wire between them.
 */
import t, { type Test } from 'tap'
import { type Client, connect, type StreamItem } from '../../clients/sdk/index.ts'
import { textOf } from '../support/chunks.ts'
import type { CliRun } from '../support/cli.ts'
import { type Machine, noMachines, twoMachines } from '../support/machines.ts'
import { commandsOf } from '../support/page-commands.ts'

const BLOCKS = commandsOf('operations.md')

/** The lines of one block, with the address, the key and the fingerprint of this test. */
function linesOf(machine: string, topic: string, values: Readonly<Record<string, string>>) {
  const found = BLOCKS.filter((block) => block.machine === machine && block.topic === topic)
  const [block] = found
  if (!block || found.length > 1) throw new Error(`${found.length} blocks: ${machine} ${topic}`)
  return block.lines.map((line) =>
    Object.entries(values).reduce(
      (text, [name, value]) => text.replaceAll(name, () => value),
      line,
    ),
  )
}

const skip = noMachines() ?? false

/** Waits for one line of this form in what a command says. */
async function lineOf(run: CliRun, pattern: RegExp): Promise<string> {
  return (await run.saysLike(pattern))[1] ?? ''
}

async function clientAt(t: Test, { home }: Machine): Promise<Client> {
  const client = await connect({ env: { HOME: home } })
  t.teardown(() => client.close())
  return client
}

t.test('the page has the blocks that this test runs', async (t) => {
  t.strictSame(
    BLOCKS.map(({ machine, topic }) => `${machine} ${topic}`),
    [
      ...['broker listen', 'other host', 'broker host', 'broker work', 'other client'],
      ...['broker client', 'other work', 'broker revoke', 'broker rotate'],
    ],
  )
})

t.test(
  'a host of another machine joins, works, loses the link, goes on, and is revoked',
  { skip },
  async (t) => {
    const wire = await twoMachines(t)
    const [here, there] = wire.machines
    const values: Record<string, string> = { '192.0.2.1': here.address }
    const [up = ''] = linesOf('broker', 'listen', values)
    const broker = here.start(up)
    const printed = await lineOf(broker, /^join +(agentmq host .*)$/m)
    values['BROKER_KEY'] = /'(.*)'/.exec(printed)?.[1] ?? ''
    const [join = ''] = linesOf('other', 'host', values)
    t.equal(join, `${printed} --name=east`, 'the page shows what the broker printed')

    const host = there.start(join)
    const approve = await lineOf(host, /→ on its machine: (agentmq keys approve .*)$/m)
    values['FINGERPRINT'] = /approve (\S+)/.exec(approve)?.[1] ?? ''
    t.same(linesOf('broker', 'host', values), [approve], 'and what the host says')
    t.match((await here.run('agentmq keys pending')).stdout, values['FINGERPRINT'])
    t.match(await here.run(approve), { exit: 0 })
    await host.says('registered at')

    const [spawn = '', prompt = ''] = linesOf('broker', 'work', values)
    t.match(await here.run(spawn), { exit: 0 })
    t.match(await here.run(prompt), { exit: 0, stdout: /hello from afar/ })
    const client = await clientAt(t, here)
    const { hosts } = await client.call('host.list', {})
    const east = hosts.find(({ name }) => name === 'east')
    t.equal(client.session('blue') && (await client.session('blue').refresh()).host, east?.host)

    await t.test('what was said while the link was cut comes when it is back', (t) =>
      cutLink(t, client, wire),
    )

    const [revoke = ''] = linesOf('broker', 'revoke', values)
    t.match(await here.run(revoke), { exit: 0, stdout: /1 key revoked, 1 connection ended/ })
    const { exit, stderr } = await host.result
    t.equal(exit, 7)
    t.match(stderr, /the key of east was revoked\n.*\n {2}→ the key is in .*host-east\.key\n/)
    t.match(await client.session('blue').refresh(), { status: 'lost' })
    const again = await there.run(join)
    t.match(again, { exit: 7, stderr: /was revoked/ }, 'and it stays out')
    broker.process.kill('SIGINT')
    t.match(await broker.result, { exit: 0 })
  },
)

/** 200 numbers, 40 ms apart; the wire is cut in their midst until the broker has missed the host. */
async function cutLink(t: Test, client: Client, wire: { cut(): void; mend(): void }) {
  const session = client.session('blue')
  const { sequence, turn } = await session.prompt('@@pace(300, 40, 8)')
  const seen: StreamItem[] = []
  let isCut = false
  let wasLost = false
  for await (const item of session.follow({ from: sequence })) {
    seen.push(item)
    if (item.type === 'text' && !isCut) {
      isCut = true
      wire.cut()
    }
    if (item.type === 'status' && item.status === 'lost') {
      wasLost = true
      wire.mend()
    }
    if (item.type === 'turn_complete' && item.turn === turn) break
  }
  t.ok(wasLost, 'readers were told')
  t.ok(
    seen.every((item, index) => item.type !== 'gap' && item.seq === sequence + index),
    'no hole',
  )
  const numbers = textOf(seen).trim().split(/\D+/).filter(Boolean).map(Number)
  t.same(
    numbers,
    Array.from({ length: 300 }, (_, index) => index + 1),
    'each number once',
  )
}

t.test(
  'a client of another machine joins, and follows a change of the key',
  { skip },
  async (t) => {
    const wire = await twoMachines(t)
    const [here, there] = wire.machines
    const values: Record<string, string> = { '192.0.2.1': here.address }
    const [up = ''] = linesOf('broker', 'listen', values)
    const broker = here.start(up)
    await broker.says('Ctrl-C stops everything')
    const exported = await here.run('agentmq keys export-context lab')
    const printed = /^agentmq context add .*$/m.exec(exported.stdout)?.[0] ?? ''
    values['BROKER_KEY'] = /'(.*)'/.exec(printed)?.[1] ?? ''
    t.same(linesOf('other', 'client', values), [printed])
    const added = await there.run(printed)
    values['FINGERPRINT'] = /own key (\S+)/.exec(added.stdout)?.[1] ?? ''
    const [approve = ''] = linesOf('broker', 'client', values)
    t.match(added.stderr, approve.replace('anna', 'NAME'), 'it says what to run here')
    t.match(await here.run(approve), { exit: 0 })
    t.match(await here.run('agentmq spawn --backend demo --name blue "@@echo(hello)"'), { exit: 0 })
    for (const line of linesOf('other', 'work', values)) {
      t.match(await there.run(line), { exit: 0 }, line)
    }
    const [begin = '', look = '', finish = ''] = linesOf('broker', 'rotate', values)
    t.match(await here.run(begin), { exit: 0, stdout: /NOT TOLD YET/ })
    t.match(await there.run('agentmq ps'), { exit: 0 })
    t.match(await here.run(look), { exit: 0, stderr: /everybody was told/ })
    t.match(await here.run(finish), { exit: 0, stderr: /who was told follows/ })
    t.match(await there.run('agentmq logs blue'), { exit: 0, stdout: /hello/ })
    broker.process.kill('SIGINT')
    t.match(await broker.result, { exit: 0 })
  },
)
