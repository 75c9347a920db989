/** From old files into a store of ours: every fixture is adopted, and what comes over is what was there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import { adopt } from '@dat-rhino/core/log/adopt'
import { logIdentity, plainIdentity } from '@dat-rhino/core/log/identity'
import { Replica } from '@dat-rhino/core/log/replica'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { fixture, opened, partsOf, readAll, STORES } from './bed.ts'

/** A log in memory of which the key alone is known. */
async function emptyReplica({ generation, key }: StoredLog): Promise<Replica> {
  const store = openMemoryStore()
  const identity = generation === 3 ? logIdentity({ key }) : plainIdentity(generation, { key })
  return Replica.open(store, await store.create(identity))
}

/** A signature that no reader accepts: hypercore 10 signs logs of two signers with one of them. */
const UNSIGNED = '24dfa6b396a382ad6adff4bbf59697d57c88891ed6135f0b83c35b26f6670064'

for (const name of STORES) {
  test(`${name}: all that is held is adopted with its signatures`, async (t) => {
    const store = await opened(t, fixture(name))

    for (const { log } of partsOf(store)) {
      const replica = await emptyReplica(log)
      t.after(() => replica.close())
      if (hex(log.key) === UNSIGNED) {
        await assert.rejects(adopt(replica, log), (error) => isCode(error, 'BAD_SIGNATURE'))
        continue
      }
      const report = await adopt(replica, log)

      assert.equal(report.length, log.length)
      assert.equal(report.damagedCount, 0)
      assert.equal(report.wrongSignatures, 0)
      assert.equal(replica.length, log.length)
      assert.equal(replica.fork, log.fork)
      const adopted = Array.from({ length: log.length }, (_, block) => {
        const bytes = replica.read(block)
        return bytes === undefined ? null : hex(bytes)
      })
      assert.deepEqual(adopted, readAll(log))
      for (let length = 1; length < log.length; length++) {
        const signature = log.signature(length)
        if (signature === undefined) continue
        assert.deepEqual(replica.slot.signature(length), Uint8Array.from(signature))
      }
    }
  })
}
