/** The proof of a principal, byte for byte (docs/protocol.md 2.14), and the keys that it is made of. */
import { createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { isKey, publicKeyOf, sharedSecret } from '../../protocol/keys/key-pair.ts'
import { isProof } from '../../protocol/keys/proof.ts'
import { keyBytes, z85Encode } from '../../protocol/keys/z85.ts'
import type { Proof } from './proofs.ts'

const FIXTURES = new URL('../../../test/conformance/fixtures/', import.meta.url)
const PROOFS = JSON.parse(readFileSync(new URL('proof.json', FIXTURES), 'utf8')) as Proof[]

const bytes = (key: string): Buffer => keyBytes(key) ?? Buffer.alloc(0)
const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const u32 = (...values: number[]): Buffer => {
  const buffer = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index)
  return buffer
}

/** As the page says it, with nothing of ours but Z85. */
function macByThePage({ broker, peer, nonce, hello, shared }: Proof): string {
  const salt = Buffer.concat([hex(broker.public_bytes), hex(peer.public_bytes)])
  const key = Buffer.from(hkdfSync('sha256', hex(shared), salt, 'agentmq proof 1', 32))
  const parts = [
    hex(nonce),
    u32(hello.major, hello.minor),
    Buffer.from(hello.role),
    Buffer.from(hello.principal),
  ]
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(u32(part.length)).update(part)
  return mac.digest('hex')
}

t.test('the mac of every fixture is what the page says', async (t) => {
  for (const proof of PROOFS) {
    t.equal(macByThePage(proof), proof.mac, proof.name)
    for (const { public: key, public_bytes } of [proof.broker, proof.peer]) {
      t.equal(bytes(key).toString('hex'), public_bytes)
    }
  }
})

t.test('both sides come to the same secret, and the broker believes the mac', async (t) => {
  for (const { name, broker, peer, nonce, hello, shared, mac } of PROOFS) {
    t.equal(sharedSecret(broker.secret, peer.public).toString('hex'), shared, name)
    const keys = { secretKey: broker.secret, theirKey: peer.public, brokerKey: broker.public }
    t.ok(isProof(hex(mac), keys, hex(nonce), { ...hello, key: peer.public }), name)
  }
})

t.test('a mac is good for nothing but what it was made for', async (t) => {
  t.equal(new Set(PROOFS.map(({ mac }) => mac)).size, PROOFS.length, 'no two are the same')
  for (const { broker, peer, nonce, hello, name } of PROOFS) {
    const keys = { secretKey: broker.secret, theirKey: peer.public, brokerKey: broker.public }
    for (const other of PROOFS.filter((one) => one.name !== name)) {
      const isBelieved = isProof(hex(other.mac), keys, hex(nonce), { ...hello, key: peer.public })
      t.notOk(isBelieved, `${other.name}, for ${name}`)
    }
  }
})

t.test('the keys are those that ZeroMQ makes and takes', async (t) => {
  // The pairs of zmq_curve(7), and those of libzmq at hand.
  const pairs = [
    ['rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7', 'JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6'],
    ['Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID', 'D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs'],
  ]
  const { curveKeyPair } = await import('zeromq')
  for (let n = 0; n < 20; n += 1) {
    const { publicKey, secretKey } = curveKeyPair()
    pairs.push([publicKey, secretKey])
  }
  for (const [publicKey = '', secretKey = ''] of pairs) {
    t.equal(publicKeyOf(secretKey), publicKey)
    t.equal(z85Encode(bytes(publicKey)), publicKey)
  }
})

t.test('what is no key is not taken for one', async (t) => {
  const good = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'
  t.ok(isKey(good))
  for (const text of ['', good.slice(1), `${good}x`, good.replace('r', ' '), '#'.repeat(40)]) {
    t.notOk(isKey(text), text)
  }
})
