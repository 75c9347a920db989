/** Every task of the benchmark runs, on both sides, and what it leaves behind is what was put in. */

import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { TASKS } from '../tasks/all.ts'

const RUN = fileURLToPath(new URL('../run.ts', import.meta.url))
const FROM_SOURCE = ['--conditions=dat-source', '--import=tsx']

for (const { name, title } of TASKS) {
  test(`bench ${name}: ${title}`, async () => {
    // It fails by its exit code, with the reason on its error output.
    await promisify(execFile)(process.execPath, [...FROM_SOURCE, RUN, '--smoke', '--task', name])
  })
}
