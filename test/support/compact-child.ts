/** Compacts a journal and stops for good at a stage, to be killed there: DIRECTORY STAGE. */
import { writeSync } from 'node:fs'
import { compact } from '../../broker/journal-tool/compact.ts'

const [directory = '', last] = process.argv.slice(2)

await compact(directory, {
  freeBytes: () => Number.MAX_SAFE_INTEGER,
  stage: (stage) => {
    if (stage !== last) return
    writeSync(1, `${stage}\n`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
})
