/**
 * First bytes of all three generations, each as the reference sends them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../src/bytes/bytes.ts'
import { detectGeneration } from '../../src/wire/detect.ts'
import { vectors } from '../vectors.ts'

const { sessions } = vectors<{ sessions: { rawWrites: { hex: string }[] }[] }>(
  'gen3-core/transport',
)

/** Feed of channel 0 with its nonce, as hypercore-protocol 6 begins. */
const GEN1 = `3d000a20${'01'.repeat(32)}1218${'02'.repeat(24)}`

/** Message 1 of the handshake of hypercore-protocol 7 and 8: key and nonce of the reference's vectors. */
const GEN2 = `3af6dc5732d5969772c0d7a7071222d274a0397a53631dd9a282b4a0a08b8a600a0a18${'a1'.repeat(24)}`

const GEN3 = sessions[0]?.rawWrites[0]?.hex ?? ''

for (const [generation, first, decidedAt] of [
  [1, GEN1, 4],
  [2, GEN2, 35],
  [3, GEN3, 3],
] as const) {
  test(`generation ${generation} is known after ${decidedAt} bytes, and before that nothing is said`, () => {
    const bytes = fromHex(first)
    for (let length = 0; length <= bytes.length; length++) {
      const expected = length < decidedAt ? undefined : generation
      assert.equal(detectGeneration(bytes.subarray(0, length)), expected, `${length} bytes`)
    }
  })
}

test('what begins like none of them is unknown at the first byte that differs', () => {
  for (const text of [
    '474554',
    '00',
    '200001',
    '3d000a21',
    `3a${'00'.repeat(32)}0a19`,
    '23000a20',
  ]) {
    assert.equal(detectGeneration(fromHex(text)), 'unknown', text)
  }
})
