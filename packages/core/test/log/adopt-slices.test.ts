/** Logs of old files are taken over in slices: by time, and by their bytes where time stands still. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADOPT_SLICE_BYTES } from '../../src/base/limits.ts'
import { adopt } from '../../src/log/adopt.ts'
import { plainIdentity } from '../../src/log/identity.ts'
import { ManualClock } from '../fakes/clock.ts'
import { StoredCopy } from './stored.ts'
import { openReplica, testKeyPair, write } from './support.ts'

test('a block below the size of a slice is kept with the rest, and a larger one by itself', async () => {
  for (const [bytes, slices] of [
    [ADOPT_SLICE_BYTES - 1, 1],
    [ADOPT_SLICE_BYTES, 2],
  ] as const) {
    const identity = plainIdentity(2, { keyPair: testKeyPair(1) })
    const source = await openReplica(identity)
    await write(source, [new Uint8Array(bytes)])
    const replica = await openReplica(plainIdentity(2, { key: identity.key }))
    let told = 0

    await adopt(replica, new StoredCopy(source), {
      clock: new ManualClock(),
      onProgress: () => told++,
    })

    assert.equal(told, slices)
  }
})
