/** The reference packages of all three generations load and replicate on this machine. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

for (const generation of ['gen1', 'gen2-early', 'gen2', 'gen3']) {
  test(`the reference packages of ${generation} run here`, async () => {
    const cwd = fileURLToPath(new URL(`../${generation}/`, import.meta.url))

    const { stdout } = await promisify(execFile)(process.execPath, ['smoke.mjs'], {
      cwd,
      env: { ...process.env, SODIUM_NATIVE: generation === 'gen1' ? 'disable' : '' },
    })

    assert.equal(stdout, 'ok\n')
  })
}
