import { readFileSync } from 'node:fs'
import t from 'tap'
import { decodeUntrusted } from '../../protocol/codec.ts'
import { ERRORS } from '../../protocol/errors.ts'
import { CHUNK_CODES, CHUNKS } from '../../protocol/messages/chunk.ts'
import { headToTuple, MESSAGES, type MessageKind } from '../../protocol/messages/index.ts'
import { METHODS } from '../../protocol/methods/index.ts'
import { fieldsOf, RECORDS, type Shape, shapeOf } from '../../protocol/reference/fields.ts'
import { protocolReference } from '../../protocol/reference/protocol.ts'
import { protocolSchema } from '../../protocol/reference/schema-document.ts'
import { Compile } from '../../protocol/typebox.ts'
import { SAMPLES } from './golden.ts'
import { ROOT, referenceFiles } from './reference-files.ts'

const FILES = referenceFiles()
const protocol = FILES['docs/protocol.md'] ?? ''
const KINDS = Object.keys(MESSAGES) as MessageKind[]

t.test('the reference on disk is what `npm run docs` writes', async (t) => {
  for (const [file, text] of Object.entries(FILES)) {
    t.ok(readFileSync(new URL(file, ROOT), 'utf8') === text, `${file} is not stale`)
  }
})

t.test('the reference names every kind, chunk type, method, record and error', async (t) => {
  const rows = [...KINDS, ...Object.keys(CHUNKS), ...Object.keys(METHODS), ...Object.keys(ERRORS)]
  for (const name of rows) t.ok(protocol.includes(`| \`${name}\` |`), name)
  const sections = [...KINDS, ...Object.keys(METHODS), ...Object.keys(RECORDS)]
  for (const name of sections) t.ok(protocol.includes(`#### ${name}\n`), name)
  for (const code of Object.keys(ERRORS))
    t.ok(FILES['docs/errors.md']?.includes(`## ${code}\n`), code)
})

t.test('a marker that means nothing is an error, and none is left', async (t) => {
  t.throws(() => protocolReference('<!-- generated:nothing -->'), /unknown marker/)
  t.notMatch(protocol, /<!-- generated:/)
})

t.test('the errors that any request can end with are in the table', async (t) => {
  const [, list = ''] = /any request can end with ([^.]*)\./.exec(protocol) ?? []
  const codes = [...list.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
  t.ok(codes.length > 5)
  for (const code of codes) t.ok(Object.hasOwn(ERRORS, code), code)
})

t.test('the clauses that the source cites exist', async (t) => {
  for (const section of [1, 2, 3, 4, 5]) t.match(protocol, new RegExp(`^## ${section}\\. `, 'm'))
})

t.test('every field of every schema says what it means', async (t) => {
  const describe = (where: string, shape: Shape) => {
    for (const { path, description } of fieldsOf(shape)) t.not(description, '', `${where} ${path}`)
  }
  for (const { kind, schema, body, description } of Object.values(MESSAGES)) {
    t.not(description, '', kind)
    describe(kind, shapeOf(schema))
    if (typeof body !== 'string') describe(kind, shapeOf(body))
  }
  for (const [name, schema] of Object.entries({ ...CHUNKS, ...RECORDS })) {
    t.ok(shapeOf(schema).description, name)
    describe(name, shapeOf(schema))
  }
  for (const { name, description, params, result } of Object.values(METHODS)) {
    t.not(description, '', name)
    describe(`${name} params`, shapeOf(params))
    describe(`${name} result`, shapeOf(result))
  }
})

t.test('codes are given once, and chunk codes fit a byte', async (t) => {
  const kinds = Object.values(MESSAGES).map(({ code }) => code)
  t.equal(new Set(kinds).size, kinds.length)
  const skippable = Object.values(MESSAGES).filter(({ code }) => (code & 0x80) !== 0)
  t.same(
    skippable.map(({ kind }) => kind),
    ['NEXT_KEY', 'MOVED'],
    'only what a peer can live without may be skipped',
  )
  const chunks = Object.values(CHUNK_CODES)
  t.equal(new Set(chunks).size, chunks.length)
  t.ok(chunks.every((code) => code >= 1 && code <= 255))
})

t.test('the schema document accepts the golden messages and refuses others', async (t) => {
  const definitions = protocolSchema()['$defs'] as Readonly<Record<string, object>>
  const check = (name: string, value: unknown) => Compile(definitions[name] ?? false).Check(value)
  for (const kind of KINDS) {
    const { head, body } = SAMPLES[kind]
    const tuple = headToTuple(head, body.length)
    t.ok(check(`head.${kind}`, tuple), kind)
    t.ok(check(`head.${kind}`, [...tuple, 'a field of tomorrow']), kind)
    t.notOk(check(`head.${kind}`, tuple.slice(0, -1)), kind)
    t.notOk(check(`head.${kind}`, [99, ...tuple.slice(1)]), kind)
    if (typeof MESSAGES[kind].body !== 'string') {
      t.ok(check(`body.${kind}`, decodeUntrusted(body)), kind)
      t.notOk(check(`body.${kind}`, {}), kind)
    }
  }
})

t.test('every reference in the schema document leads somewhere', async (t) => {
  const text = FILES['protocol.schema.json'] ?? ''
  const definitions = Object.keys(protocolSchema()['$defs'] as object)
  const references = [...text.matchAll(/"#\/\$defs\/([^"]+)"/g)].map(([, name = '']) => name)
  t.ok(references.length > KINDS.length)
  t.same(new Set(references), new Set(definitions))
})
