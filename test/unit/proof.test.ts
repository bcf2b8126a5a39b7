/** The proof of a key, and keys with which there is nothing to prove. */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import t from 'tap'
import nacl from 'tweetnacl'
import { isKey, newKeyPair, sharedSecret } from '../../protocol/keys/key-pair.ts'
import { type Claim, isProof, type ProofKeys, proofOf } from '../../protocol/keys/proof.ts'
import { keyBytes, z85Encode } from '../../protocol/keys/z85.ts'

const broker = newKeyPair(randomBytes)
const peer = newKeyPair(randomBytes)
const NONCE = randomBytes(32)
const CLAIM: Claim = {
  major: 1,
  minor: 0,
  role: 'operator',
  principal: 'anna',
  key: peer.publicKey,
}

const ofPeer: ProofKeys = {
  secretKey: peer.secretKey,
  theirKey: broker.publicKey,
  brokerKey: broker.publicKey,
}
const ofBroker: ProofKeys = {
  secretKey: broker.secretKey,
  theirKey: peer.publicKey,
  brokerKey: broker.publicKey,
}

/** Points of low order, in the forms in which they can be written; with them every secret is zero. */
const WEAK = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
].map((hex) => z85Encode(Buffer.from(hex, 'hex')))

t.test('the broker takes the proof of the owner of a key', async (t) => {
  t.ok(isProof(proofOf(ofPeer, NONCE, CLAIM), ofBroker, NONCE, CLAIM))
})

t.test('a proof is good for its nonce and its claim alone', async (t) => {
  const mac = proofOf(ofPeer, NONCE, CLAIM)
  const others: readonly Partial<Claim>[] = [
    { role: 'admin' },
    { role: '' },
    { major: 0 },
    { minor: 1 },
    { principal: '' },
    { principal: 'ann' },
    { role: 'operatora', principal: 'nna' }, // the same letters in the same order
    { key: newKeyPair(randomBytes).publicKey },
  ]
  for (const other of others) {
    t.notOk(isProof(mac, ofBroker, NONCE, { ...CLAIM, ...other }), JSON.stringify(other))
  }
  t.notOk(isProof(mac, ofBroker, randomBytes(32), CLAIM), 'another nonce')
  t.notOk(isProof(mac, ofBroker, NONCE.subarray(1), CLAIM), 'a shorter nonce')
  const another = newKeyPair(randomBytes)
  const keys = { ...ofBroker, secretKey: another.secretKey, brokerKey: another.publicKey }
  t.notOk(isProof(mac, keys, NONCE, CLAIM), 'another broker')
})

t.test('a proof is taken whole: cut short, longer or with another bit it is none', async (t) => {
  const mac = proofOf(ofPeer, NONCE, CLAIM)
  for (const wrong of [Buffer.alloc(0), mac.subarray(1), Buffer.concat([mac, Buffer.of(0)])]) {
    t.notOk(isProof(wrong, ofBroker, NONCE, CLAIM), `${wrong.length} bytes`)
  }
  for (const at of mac.keys()) {
    const wrong = Buffer.from(mac)
    wrong[at] = (wrong[at] ?? 0) ^ 0x80
    t.notOk(isProof(wrong, ofBroker, NONCE, CLAIM), `byte ${at}`)
  }
})

/** By the text of the protocol, from the secret that both sides share. */
function byHand(shared: Uint8Array, { key: own, role, principal }: Claim): Buffer {
  const raw = (key: string) => keyBytes(key) ?? Buffer.alloc(0)
  const salt = Buffer.concat([raw(broker.publicKey), raw(own)])
  const key = Buffer.from(hkdfSync('sha256', shared, salt, 'agentmq proof 1', 32))
  const sized = (part: Buffer) => Buffer.concat([Buffer.of(0, 0, 0, part.length), part])
  const version = Buffer.of(0, 0, 0, 1, 0, 0, 0, 0)
  const parts = [NONCE, version, Buffer.from(role), Buffer.from(principal)]
  return createHmac('sha256', key)
    .update(Buffer.concat(parts.map(sized)))
    .digest()
}

t.test('another implementation comes to the same proof from the text alone', async (t) => {
  const raw = (key: string) => keyBytes(key) ?? Buffer.alloc(0)
  const shared = nacl.scalarMult(raw(peer.secretKey), raw(broker.publicKey))
  t.same(sharedSecret(peer.secretKey, broker.publicKey), shared)
  t.same(proofOf(ofPeer, NONCE, CLAIM), byHand(shared, CLAIM))
})

t.test('a key with which everybody has the same secret is none, and proves nothing', async (t) => {
  for (const key of WEAK) {
    t.notOk(isKey(key), key)
    const claim = { ...CLAIM, key }
    const mac = byHand(Buffer.alloc(32), claim)
    t.notOk(isProof(mac, { ...ofBroker, theirKey: key }, NONCE, claim))
  }
  t.ok(isKey(peer.publicKey))
  t.notOk(isKey(peer.publicKey.slice(1)))
  t.notOk(isKey('~'.repeat(40)))
})
