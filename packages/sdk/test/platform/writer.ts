/**
 * A program that appends to a store until somebody kills it, for `disk.test.ts`.
 *
 * Prints `ready`, then each length once it is acknowledged.
 */

import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import { openNodeStore } from '../../src/platform/node/disk.ts'
import { append, bytesOf, identityOf } from './blocks.ts'

setCrypto(sodiumCrypto)
const store = await openNodeStore(process.argv[2] ?? '', {
  sizes: { checkpointBytes: 20_000, segmentBytes: 50_000 },
})
const known = store.find(identityOf(1).discoveryKey)
const slot = known === undefined ? await store.create(identityOf(1)) : store.slot(known)
process.stdout.write(`ready ${slot.head.length}\n`)
for (;;) {
  append(slot, bytesOf(300, slot.head.length))
  await store.commit()
  process.stdout.write(`${slot.head.length}\n`)
  if (slot.head.length % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
}
