/**
 * A measure on one transport. Without security it is held against all its peers; with it against those that a
 * goal or the floor names, and against ours without it, so that the price of security comes from one run.
 */
import { IPC, type Transport } from '../transports.ts'
import { type Contestant, type Measure, OURS, OURS_IN_CLEAR } from './measure.ts'

export interface MeasureOnTransports extends Omit<Measure, 'contestants'> {
  readonly ours: (transport: Transport) => Contestant
  /** Raw ZeroMQ among them runs on the same transport. */
  readonly peers: (transport: Transport) => readonly Contestant[]
}

export function onTransport(transport: Transport, all: MeasureOnTransports): Measure {
  const { ours, peers, ...measure } = all
  const judges = new Set([measure.floor, ...measure.goals.map(({ peer }) => peer)])
  const isJudge = ({ name }: Contestant) => judges.has(name)
  return {
    ...measure,
    name: `${measure.name}/${transport.name}`,
    title: `${measure.title}, ${transport.title}`,
    about: `${measure.about}${transport.note}`,
    contestants: transport.hasSecurity
      ? [ours(transport), inClear(ours(IPC)), ...peers(transport).filter(isJudge)]
      : [ours(transport), ...peers(transport)],
  }
}

function inClear({ name, run }: Contestant): Contestant {
  if (name !== OURS) throw new Error(`${name} is not ours`)
  return { name: OURS_IN_CLEAR, run }
}
