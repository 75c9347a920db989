/** Seeds of old drives, as libsodium derives them. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { kdfSeed } from '../../src/crypto/kdf.ts'

const path = new URL('../vectors/gen1/keys.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8'))

test('the seed of the content of a hyperdrive 9 follows from the secret key of its metadata', () => {
  for (const { seed, hyperdrive9Content } of cases) {
    assert.equal(hex(kdfSeed(fromHex(seed), 1, 'hyperdri')), hyperdrive9Content.kdfSeed)
  }
  assert.notEqual(cases.length, 0)
})

test('a master key or a context of another length is refused', () => {
  assert.throws(() => kdfSeed(new Uint8Array(31), 1, 'hyperdri'), { code: 'BAD_ARGUMENT' })
  assert.throws(() => kdfSeed(new Uint8Array(32), 1, 'hyper'), { code: 'BAD_ARGUMENT' })
})
