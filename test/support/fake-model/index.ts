/** A model server that needs no network and always says what the test told it to. */

export type { Notes, Outcome, RecordedRequest } from './exchange.ts'
export { type Entry, Script, type Situation, type Step, situationOf } from './script.ts'
export { FakeModel, type FakeModelOptions } from './server.ts'
