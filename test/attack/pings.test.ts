/** Attacks with PING, the heartbeat of ZMTP that libzmq answers by itself, whatever the broker does meanwhile. */
import t from 'tap'
import { AttackStage } from '../support/attack-stage.ts'
import type { CurveSession } from '../support/zmtp/curve.ts'
import { command, DEALER, XSUB } from '../support/zmtp/wire.ts'

/** More than there is room for at any socket of the network, and not more than libzmq reads at once unless it is told to. */
const MESSAGES = 60
/** Each ends at another place of what is read at once. */
const LENGTHS = 42
/** A key may connect 120 times at once. */
const KEYS = 3

/** Without its time to live, with none, and with one that is over while the connection stands still. */
const PINGS = [Buffer.alloc(0), Buffer.alloc(2), Buffer.of(0, 1)].map((ttl) => command('PING', ttl))

/** Messages with a PING behind each, and the connection is gone. */
function pingAndGo(session: CurveSession, message: Buffer, ping: Buffer): void {
  const parts: Buffer[] = []
  for (let sent = 0; sent < MESSAGES; sent += 1) {
    parts.push(session.sealed(message, 0), session.sealed(ping, 2))
  }
  const { connection } = session
  connection.write(Buffer.concat(parts))
  connection.socket.resetAndDestroy()
}

t.test('a PING for which nobody waits any more does not end the broker', async (t) => {
  const stage = await AttackStage.apart(t)
  const { endpoint, streams } = stage.door
  const names = Array.from({ length: KEYS }, (_, at) => `mallory-${at}`)
  const keys = await Promise.all(names.map((name) => stage.principal(name, ['observer'])))
  const doors = [
    { endpoint, claims: DEALER },
    { endpoint: streams, claims: XSUB },
  ]
  let attacks = 0
  let refused = 0
  for (const door of doors) {
    for (let length = 1; length <= LENGTHS; length += 1) {
      const [own, ping] = [keys[attacks % KEYS], PINGS[attacks % PINGS.length]]
      attacks += 1
      if (!own || !ping) continue
      const outcome = await stage.attempt(own, door)
      if (outcome.type === 'ready') pingAndGo(outcome.session, Buffer.alloc(length, 1), ping)
      else refused += 1
    }
  }
  t.ok(refused < attacks / 10, `${refused} of ${attacks} did not come to it`)
  t.match(await stage.admin.call('system.info', {}), { epoch: 1 })
})
