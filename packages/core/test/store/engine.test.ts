/** The suite on the disk store, in its durability modes and with sizes that make everything happen often. */

import '../setup.ts'
import { crc32 } from 'node:zlib'
import { openStore } from '../../src/store/open.ts'
import type { OpenStoreOptions } from '../../src/store/options.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { storeSuite } from '../suites/store.ts'

function engineSuite(name: string, options: Partial<OpenStoreOptions>): void {
  const disks = new Map<Store, FakeDisk>()
  const openOn = async (disk: FakeDisk): Promise<Store> => {
    const store = await openStore({ disk, ...options })
    disks.set(store, disk)
    return store
  }
  storeSuite({
    name,
    open: () => openOn(new FakeDisk()),
    async reopen(store) {
      const disk = disks.get(store)
      if (disk === undefined) throw new Error('not a store of this suite')
      await store.close()
      return openOn(disk)
    },
  })
}

engineSuite('disk store', { crc32 })
engineSuite('disk store, strict', { durability: 'strict' })
engineSuite('disk store, never synced', { durability: 'none', crc32 })

/** Segments end, pages leave and records are continued all the time. */
engineSuite('disk store, everything small', {
  crc32,
  sizes: {
    segmentBytes: 4_096,
    pageSegmentBytes: 4_096,
    checkpointBytes: 2_048,
    pageCacheBytes: 8_192,
    dirtyBytes: 8_192,
    recordBytes: 512,
  },
})
