/** What has to hold of the state once a run has become quiet: no change is lost, and none is made twice. */
import type { Params, Result } from '../../protocol/methods/index.ts'
import type { World } from './world.ts'

export function checkState(world: World): void {
  checkVersions(world)
  checkWishes(world)
  checkShown(world)
}

/** Nobody deletes keys here: the versions of each are 1, 2, 3 … and each wish is carried out once. */
function checkVersions({ ledger, violations }: World): void {
  const versions = new Map<string, number>()
  const done = new Set<string>()
  for (const { key, version, json } of ledger.stateWrites) {
    const before = versions.get(key) ?? 0
    violations.check(version === before + 1, () => `${key}: version ${version} after ${before}`)
    violations.check(!done.has(json), () => `${key}: ${json} was set a second time`)
    versions.set(key, version)
    done.add(json)
  }
}

/** Each call had a value of its own: who was told that it was set finds it, who was told not does not. */
function checkWishes({ history, ledger, violations }: World): void {
  const done = new Map(ledger.stateWrites.map((write) => [write.json, write]))
  for (const call of history.calls.filter(({ method }) => method === 'state.set')) {
    const { key: name, error } = call
    const params = call.params as Params<'state.set'>
    const result = call.result as Result<'state.set'> | undefined
    const write = done.get(JSON.stringify(params.value))
    if (result) {
      const isKept = write?.version === result.version && write.key === result.key
      violations.check(isKept, () => `${name} set ${result.key} ${result.version}, not on disk`)
      violations.check(
        result.version === (params.version ?? 0) + 1,
        () => `${name} expected ${params.version} and got ${result.version}`,
      )
    }
    // A new life of a client does not know what the last one did under this key.
    const isOwnWord = call.isRepeat && error?.where === 'client'
    violations.check(
      error?.executed !== 'no' || !write || isOwnWord,
      () => `${name} is on disk, and ${error?.code} (${error?.where}) said that it was not done`,
    )
  }
}

/** What the broker shows is what was written last. */
function checkShown({ broker, ledger, violations }: World): void {
  const last = new Map(ledger.stateWrites.map((write) => [write.key, write.version]))
  const query = { prefix: '', after: '', limit: 1000, values: false }
  for (const { key, version } of broker?.core.state.page(query).entries ?? []) {
    violations.check(version === last.get(key), () => `${key} is shown at ${version}`)
  }
}
