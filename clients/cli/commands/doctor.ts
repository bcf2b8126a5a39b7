/** `agentmq doctor`: looks for what keeps agentmq from working, and says what to do. */
import type { Argv } from 'yargs'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { openClient } from '../connection.ts'
import { type Finding, problem, type Verdict } from '../doctor/finding.ts'
import { EXIT } from '../exit-codes.ts'
import { safeLine } from '../render/safe-text.ts'

export const builder = (yargs: Argv<Globals>) => yargs

export async function handler(_args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const findings = await examine(cli)
  const problems = findings.filter(({ verdict }) => verdict === 'problem').length
  if (cli.output.json) cli.output.record({ problems, findings })
  else for (const finding of findings) print(finding, cli)
  return problems === 0 ? EXIT.ok : EXIT.failed
}

/** From the machine to the agents: what stands below explains what fails above. */
async function examine(cli: Cli): Promise<Finding[]> {
  const { readPlaces } = await import('../settings.ts')
  const { checkMachine } = await import('../doctor/machine.ts')
  const { checkSocket } = await import('../doctor/socket.ts')
  const places = readPlaces(cli)
  const findings = await checkMachine(places)
  const socket = await checkSocket(places.endpoint)
  findings.push(...socket)
  if (socket.some(({ verdict }) => verdict === 'problem')) return findings
  return [...findings, ...(await examineBroker(cli, places.endpoint))]
}

async function examineBroker(cli: Cli, endpoint: string): Promise<Finding[]> {
  const { signal } = cli.interrupts
  try {
    const { client } = await openClient(cli)
    try {
      const { checkBroker } = await import('../doctor/broker.ts')
      const { checkTakeover } = await import('../doctor/socket.ts')
      const { checkHosts } = await import('../doctor/hosts.ts')
      const info = await client.call('system.info', {}, { signal })
      const clocks = { now: () => performance.now(), wall: Date.now }
      return [
        ...(await checkTakeover(endpoint, info.pid)),
        ...(await checkBroker({ client, software: cli.software, signal, ...clocks }, info)),
        ...(await checkHosts(client, signal)),
      ]
    } finally {
      await client.close()
    }
  } catch (thrown) {
    const error = ProtocolError.from(thrown, 'cli')
    if (error.code === 'CANCELLED') throw error
    return [problem('broker', error.message, error.advice)]
  }
}

const MARKS = { ok: '✓', warning: '!', problem: '✗' } as const satisfies Record<Verdict, string>
const STYLES = { ok: 'green', warning: 'yellow', problem: 'red' } as const

function print({ check, verdict, found, advice }: Finding, { output }: Cli): void {
  const mark = output.style[STYLES[verdict]](MARKS[verdict])
  output.line(`${mark} ${output.style.bold(check)}: ${safeLine(found)}`)
  if (advice !== undefined) output.line(`  → ${safeLine(advice)}`)
}
