import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { contextPlace } from '../../protocol/process/context-file.ts'

const CONTEXTS = { lab: { endpoint: 'tcp://127.0.0.1:7001' }, mine: { dir: '/srv/agents' } }

t.test('a context names the place of a broker', async (t) => {
  const file = join(t.testdir(), 'config.json')
  writeFileSync(file, JSON.stringify({ contexts: CONTEXTS }))
  const env = { AGENTMQ_CONFIG: file }
  t.strictSame(contextPlace('lab', env), CONTEXTS.lab)
  t.strictSame(contextPlace('mine', env), CONTEXTS.mine)
  t.throws(() => contextPlace('labb', env), { code: 'BAD_CONFIG', message: /did you mean lab\?/ })
  t.throws(
    () => contextPlace('constructor', env),
    { code: 'BAD_CONFIG' },
    'not a name of the language',
  )
})

t.test('a context that is no place is refused by its key', async (t) => {
  const file = join(t.testdir(), 'config.json')
  writeFileSync(file, JSON.stringify({ contexts: { lab: { endpoint: 'http://x' } } }))
  t.throws(() => contextPlace('lab', { AGENTMQ_CONFIG: file }), {
    code: 'BAD_CONFIG',
    message: /\/lab\/endpoint/,
  })
})

t.test('a config file that is not there is named', async (t) => {
  const file = join(t.testdir(), 'missing.json')
  t.throws(() => contextPlace('lab', { AGENTMQ_CONFIG: file }), {
    code: 'BAD_CONFIG',
    message: /missing\.json/,
  })
})
