/**
 * A program with few file handles, for `handles.test.ts`.
 *
 * Fills a store of many files, takes every handle that is left, and says how reading and writing ended: without handles,
 * when there are some again, and after the store was opened anew.
 */

import { closeSync, openSync } from 'node:fs'
import { DatError } from '@dat-rhino/core/base/errors'
import { equal } from '@dat-rhino/core/bytes/bytes'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import type { Slot, Store } from '@dat-rhino/core/store/store'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import { openNodeStore } from '../../src/platform/node/disk.ts'
import { append, bytesOf, identityOf } from './blocks.ts'

const BLOCKS = 400
const dir = process.argv[2] ?? ''
const tell = (what: string, told: unknown): void => {
  process.stdout.write(`${JSON.stringify({ what, told })}\n`)
}

/** `right`, or the codes of the errors; a wrong byte or an error of another kind ends the program. */
function readAll(slot: Slot): string {
  const codes = new Set<string>()
  for (let i = 0; i < BLOCKS; i++) {
    try {
      const block = slot.read(i)
      if (block === undefined || !equal(block, bytesOf(2_000, i))) throw new Error(`block ${i}`)
    } catch (error) {
      if (!(error instanceof DatError)) throw error
      codes.add(error.code)
    }
  }
  return codes.size === 0 ? 'right' : [...codes].sort().join()
}

async function write(store: Store, slot: Slot): Promise<string> {
  try {
    for (let i = 0; i < 50; i++) {
      append(slot, bytesOf(2_000, slot.head.length))
      await store.commit()
    }
    return 'written'
  } catch (error) {
    if (!(error instanceof DatError)) throw error
    return error.code
  }
}

/** Until the system gives no more. */
function takeAll(): number[] {
  const taken: number[] = []
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'))
    } catch {
      return taken
    }
  }
}

setCrypto(sodiumCrypto)
const sizes = { segmentBytes: 10_000, pageSegmentBytes: 10_000, pageCacheBytes: 10_000 }
const store = await openNodeStore(dir, { sizes })
const slot = await store.create(identityOf(1))
for (let i = 0; i < BLOCKS; i++) {
  append(slot, bytesOf(2_000, i))
  await store.commit()
}
await store.checkpoint()
const handles = takeAll()
tell('taken', handles.length)
tell('read without', readAll(slot))
tell('write without', await write(store, slot))
for (const handle of handles) closeSync(handle)
tell('read again', readAll(slot))
await store.close().catch((error: unknown) => {
  if (!(error instanceof DatError)) throw error
})
const again = await openNodeStore(dir, { sizes })
tell('why read-only', again.whyReadOnly ?? '')
const reopened = again.slot(0)
tell('read after opening', readAll(reopened))
tell('write after opening', await write(again, reopened))
await again.close()
