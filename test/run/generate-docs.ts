/** Writes what is generated from the protocol: `npm run docs`. A test fails when these files are stale. */
import { writeFileSync } from 'node:fs'
import { goldenFiles } from '../conformance/golden.ts'
import { ROOT, referenceFiles } from '../conformance/reference-files.ts'

for (const [file, text] of Object.entries(referenceFiles()))
  writeFileSync(new URL(file, ROOT), text)
for (const [file, text] of Object.entries(goldenFiles())) {
  writeFileSync(new URL(`test/conformance/fixtures/${file}`, ROOT), text)
}
