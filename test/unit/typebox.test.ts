/** Schemas and their compiler come as one file, so that no process loads hundreds of modules for them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Compile, Type } from '../../protocol/typebox.ts'

const PARTS = ['protocol', 'broker', 'agent-host', 'clients']
const DIST = fileURLToPath(new URL('../../', import.meta.url))

t.test('no compiled module imports typebox itself', (t) => {
  const files = PARTS.flatMap((part) =>
    readdirSync(join(DIST, part), { recursive: true, encoding: 'utf8' }).map((file) =>
      join(DIST, part, file),
    ),
  ).filter((file) => file.endsWith('.js'))
  t.ok(files.length > 300, `${files.length} files`)
  const importing = files.filter((file) => /from ['"]typebox/.test(readFileSync(file, 'utf8')))
  t.strictSame(importing, [], 'say: npm run build')
  t.end()
})

t.test('what the one file builds is what it checks', (t) => {
  const check = Compile(
    Type.Object({ name: Type.String({ maxLength: 3 }), of: Type.Optional(Type.Integer()) }),
  )
  t.ok(check.Check({ name: 'abc' }))
  t.notOk(check.Check({ name: 'abcd' }))
  t.notOk(check.Check({ name: 'abc', of: 'x' }))
  t.end()
})
