/** What is said about values that do not fit their schema, and how much of them is looked at for that. */
import t from 'tap'
import { mismatch } from '../../protocol/schema.ts'
import { Type } from '../../protocol/typebox.ts'

const Record = Type.Object({
  names: Type.Array(Type.String(), { maxItems: 64 }),
  more: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})

t.test('the first mismatch is told with its path', async (t) => {
  t.equal(mismatch(Record, { names: ['a'] }), undefined)
  t.equal(mismatch(Record, {}), '/ must have names')
  t.equal(mismatch(Record, undefined), '/ must be object')
  t.equal(mismatch(Record, { names: ['a', 7] }), '/names/1 must be string')
  t.equal(mismatch(Record, { names: [undefined] }), '/names/0 must be string')
})

/** An array whose items are counted when somebody looks at them. */
function counted(length: number) {
  let looks = 0
  const items = new Proxy(Array.from({ length }, () => 0) as unknown[], {
    get: (target, key, receiver) => {
      if (typeof key === 'string' && /^\d/.test(key)) looks += 1
      return Reflect.get(target, key, receiver) as unknown
    },
  })
  return { items, looks: () => looks }
}

t.test('a large value that does not fit is not looked at as a whole', async (t) => {
  const { items, looks } = counted(250_000)
  t.equal(mismatch(Record, { names: items }), '/names/0 must be string')
  t.ok(looks() < 10_000, `${looks()} looks`)
})

t.test('what is wrong behind that is told without a place', async (t) => {
  const late = Type.Object({ names: Type.Array(Type.String()) })
  const names = Array.from({ length: 5000 }, () => 'a')
  t.equal(mismatch(late, { names }), undefined)
  t.equal(mismatch(late, { names: [...names, 7] }), 'does not fit its schema')
  const more = Object.fromEntries(names.map((_, index) => [`k${index}`, 0]))
  t.equal(mismatch(Record, { more }), 'does not fit its schema')
})
