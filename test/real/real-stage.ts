/** One real CLI behind a real broker and host, with the fake model as its provider. */
import type { Test } from 'tap'
import type { Client, SessionHandle } from '../../clients/sdk/index.ts'
import { Cluster } from '../support/cluster.ts'
import { FakeModel } from '../support/fake-model/index.ts'
import { type CliName, cliPath } from './clis.ts'
import { realEnvironment } from './environment.ts'

export interface RealStage {
  readonly cluster: Cluster
  readonly client: Client
  readonly model: FakeModel
  readonly workspace: string
  readonly create: (more?: object) => Promise<SessionHandle>
}

/** `args` are further flags of the host. */
export async function realStage(
  t: Test,
  cli: CliName,
  args: readonly string[] = [],
): Promise<RealStage> {
  const model = new FakeModel()
  await model.start()
  t.teardown(() => model.stop())
  const { env, workspace } = await realEnvironment(t, cli, model.url)
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const names = Object.keys(env).flatMap((name) => ['--pass-env', name])
  await cluster.host({
    env,
    args: [`--${cli}-command`, cliPath(cli), '--root', workspace, ...names, ...args],
  })
  const client = await cluster.connect()
  const create = (more: object = {}) =>
    client.createSession({ backend: cli, cwd: workspace, ...more })
  return { cluster, client, model, workspace, create }
}
