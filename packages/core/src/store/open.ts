/**
 * Opening the store in a directory: the lock, the keys, what is there, and whether it may be written.
 *
 * Owns: the decision between writable, read-only and an error. The stations:
 *
 * 1. Unless only reading is asked for, the lock is taken; it is held until the store is closed or its process dies.
 * 2. Keys, index and the data log behind it are read (`engine/load.ts`). Nothing was changed so far.
 * 3. Damage, or a directory that was copied, makes the store read-only, unless the user said `recover`.
 * 4. A torn tail is cut and what is left over from a crash is removed. What was committed is synced.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError, isCode } from '../base/errors.ts'
import {
  CHECKPOINT_BYTES,
  DIRTY_PAGE_BYTES,
  KEEP_FREE_BYTES,
  PAGE_CACHE_BYTES,
  PAGE_SEGMENT_BYTES,
  RECORD_BYTES,
  SEGMENT_BYTES,
} from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import { equal } from '../bytes/bytes.ts'
import { crypto, KEY_BYTES } from '../crypto/crypto.ts'
import { checkPrimaryKey } from './checks.ts'
import { type Crc32, crc32 as ourCrc32 } from './crc32.ts'
import { EngineStore } from './engine/engine-store.ts'
import { FileTable } from './engine/files.ts'
import { STORE_ID_BYTES, UNFINISHED } from './engine/format.ts'
import { Gate } from './engine/gate.ts'
import { indexNumbers, readIndex } from './engine/index-file.ts'
import { KeyFile, lostKeys } from './engine/key-file.ts'
import { type Loaded, load } from './engine/load.ts'
import { recount } from './engine/recount.ts'
import type { OpenStoreOptions, StoreSizes } from './options.ts'
import type { Durability, Store } from './store.ts'

/** What `sizes` is where nobody says otherwise. */
export const DEFAULT_SIZES: StoreSizes = {
  segmentBytes: SEGMENT_BYTES,
  pageSegmentBytes: PAGE_SEGMENT_BYTES,
  checkpointBytes: CHECKPOINT_BYTES,
  pageCacheBytes: PAGE_CACHE_BYTES,
  dirtyBytes: DIRTY_PAGE_BYTES,
  recordBytes: RECORD_BYTES,
}

/** The options, complete. */
interface Opening {
  readonly files: FileTable
  readonly gate: Gate
  readonly clock: Clock
  readonly crc32: Crc32
  readonly random: (out: Uint8Array) => void
  readonly durability: Durability
  readonly sizes: StoreSizes
  readonly quotaBytes: number
  readonly keepFreeBytes: number
  readonly readOnly: boolean
  readonly recover: boolean
  readonly primaryKey: Uint8Array | undefined
}

/** Times that a reader begins anew because the writer replaced files under it. */
const READ_ATTEMPTS_MAX = 5

/**
 * Opens the store on `disk`, or makes one in an empty directory.
 *
 * @throws DatError STORE_LOCKED, STORE_TOO_NEW, NOT_FOUND (reading only, and nothing is there), CORRUPT_STORE (the keys of
 *   a store without data are damaged), STORE_FULL, IO
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { disk } = options
  const opening: Opening = {
    files: new FileTable(disk),
    gate: new Gate(),
    clock: options.clock ?? systemClock,
    crc32: options.crc32 ?? ourCrc32,
    random: options.random ?? crypto().random,
    durability: options.durability ?? 'group',
    sizes: { ...DEFAULT_SIZES, ...options.sizes },
    quotaBytes: options.quotaBytes ?? Number.POSITIVE_INFINITY,
    keepFreeBytes: options.keepFreeBytes ?? KEEP_FREE_BYTES,
    readOnly: disk.readOnly || (options.readOnly ?? false),
    recover: options.recover ?? false,
    primaryKey: options.primaryKey,
  }
  checkPrimaryKey(opening.primaryKey)
  if (opening.readOnly) return openForReading(opening)
  disk.lock('a store of Dat Rhino')
  try {
    return await openForWriting(opening)
  } catch (error) {
    opening.files.closeAll()
    disk.unlock()
    throw error
  }
}

// ---- Reading only ----

async function openForReading(opening: Opening): Promise<Store> {
  const { files, gate } = opening
  gate.why = 'it was opened for reading'
  for (let attempt = 1; ; attempt++) {
    try {
      const before = files.disk.list().join()
      const store = await readStore(opening)
      // A writer may have replaced the index or dropped a segment while we looked.
      if (files.disk.list().join() === before || attempt === READ_ATTEMPTS_MAX) return store
    } catch (error) {
      if (!(error instanceof DatError) || attempt === READ_ATTEMPTS_MAX) throw error
      if (error.code !== 'CORRUPT_STORE') throw error
    }
    files.closeAll()
  }
}

async function readStore(opening: Opening): Promise<Store> {
  const { files, gate, clock, crc32 } = opening
  const stored = await readIndex(files, crc32, clock)
  if (stored === undefined && !hasData(files)) {
    files.closeAll()
    throw new DatError('NOT_FOUND', `There is no store in ${files.disk.path}.`)
  }
  const keys = KeyFile.read(files, crc32) ?? KeyFile.none(files, crc32)
  if (keys.hasPrimaryKey) checkSameKey(keys, opening)
  const loaded = await load({ ...opening, keys, syncs: false, newStoreId: NO_ID }, stored)
  if (loaded.damage.length > 0) gate.why = `it is damaged: ${loaded.damage.join('; ')}`
  dropBeyondHeads(loaded)
  return new EngineStore({ ...opening, keys, identity: '', isLocked: false }, loaded)
}

/** In memory only: a writer does the same in its log. */
function dropBeyondHeads({ logs, undo, frees }: Loaded): void {
  for (const { state } of logs.beyondHeads()) {
    unlessDamaged(() => state.applyTruncate(state.head, state.headAddress))
  }
  undo.clear()
  frees.apply([])
}

/** What can't be read can't be dropped; whoever reads there is told so. */
function unlessDamaged(drop: () => void): void {
  try {
    drop()
  } catch (error) {
    if (!isCode(error, 'CORRUPT_STORE')) throw error
  }
}

// ---- Writing ----

async function openForWriting(opening: Opening): Promise<Store> {
  const { files, gate, clock, crc32, random, durability } = opening
  const syncs = durability !== 'none'
  const pace = new Pace(clock)
  const stored = await readIndex(files, crc32, clock)
  const isNew = stored === undefined && !hasData(files)
  const keys = await openKeys(opening, isNew)
  const newStoreId = new Uint8Array(STORE_ID_BYTES)
  random(newStoreId)
  const loaded = await load({ ...opening, keys, syncs, newStoreId }, stored)
  const identity = files.disk.identity()
  const isCopy = identity !== '' && loaded.identity !== '' && loaded.identity !== identity && !isNew
  const damage = [...loaded.damage]
  if (!keys.hasPrimaryKey) damage.push('the file of keys is missing or damaged')
  gate.why = opening.recover ? undefined : whyReadOnly(damage, isCopy)
  const engineOptions = { ...opening, keys, identity, isLocked: true }
  if (gate.why !== undefined) {
    dropBeyondHeads(loaded)
    return new EngineStore(engineOptions, loaded)
  }

  const isStale = isNew || isCopy || damage.length > 0 || loaded.isIndexStale
  await tidyLogs(loaded, syncs)
  if (damage.length > 0) recount(loaded.logs, loaded.data, loaded.pages)
  if (!isStale) loaded.index.cutTail()
  const store = new EngineStore(engineOptions, loaded)
  for (const slot of loaded.logs.beyondHeads()) unlessDamaged(() => slot.stageTruncate(slot.head))
  await store.commit()
  if (isStale) await store.renewIndex()
  if (damage.length > 0) await loaded.mark.lower(loaded.data.end)
  removeSuperfluous(loaded)
  // Whoever opens a store of ten thousand logs goes on with them at once, and he has a turn of his own for that.
  if (pace.isOver) await pace.turn()
  return store
}

function whyReadOnly(damage: readonly string[], isCopy: boolean): string | undefined {
  if (damage.length > 0) return `it is damaged: ${damage.join('; ')}`
  if (!isCopy) return undefined
  return 'its directory was copied, moved between disks or restored, and the original may have gone on'
}

/** Without keys: a new store gets some; an old one is opened as far as that goes. */
async function openKeys(opening: Opening, isNew: boolean): Promise<KeyFile> {
  const { files, crc32, random, recover } = opening
  const keys = KeyFile.read(files, crc32)
  if (keys?.hasPrimaryKey) {
    checkSameKey(keys, opening)
    return keys
  }
  if (isNew && keys !== undefined) throw lostKeys()
  if (!isNew && !recover) return keys ?? KeyFile.none(files, crc32)
  const primaryKey = opening.primaryKey ?? new Uint8Array(KEY_BYTES)
  if (opening.primaryKey === undefined) random(primaryKey)
  return keys === undefined
    ? KeyFile.create(files, crc32, primaryKey)
    : keys.replacePrimary(primaryKey)
}

/** The logs of a store are signed by keys that derive from its primary key: another would make them foreign. */
function checkSameKey(keys: KeyFile, { primaryKey, files }: Opening): void {
  if (primaryKey === undefined || equal(primaryKey, keys.primaryKey)) return
  throw new DatError(
    'CONFLICT',
    'A store with another primary key is here. Import the key into an empty folder.',
    { path: files.disk.path },
  )
}

/** Cuts off what a crash left behind, and syncs what it left unsynced. */
async function tidyLogs(loaded: Loaded, syncs: boolean): Promise<void> {
  const { data, pages, replayed, position, pagesEnd } = loaded
  const isCut = data.end > replayed.end
  if (isCut) data.shrink(replayed.end)
  if (pages.end > pagesEnd) pages.shrink(pagesEnd)
  if (!syncs) return
  data.markUnsynced(position)
  await data.sync()
}

/** Files that nothing refers to: left from a crash, or back after one. */
function removeSuperfluous({ index, superfluous, files }: Loaded): void {
  const { disk } = files
  const names = disk.list()
  for (const name of superfluous) files.remove(name)
  for (const name of names) if (name.endsWith(UNFINISHED)) files.remove(name)
  for (const number of indexNumbers(names)) {
    const name = `index-${number}`
    if (name !== index.name) files.remove(name)
  }
}

function hasData(files: FileTable): boolean {
  return files.disk.list().some((name) => name.startsWith('data-') || name.startsWith('pages-'))
}

/** Nothing is written with it. */
const NO_ID = new Uint8Array(STORE_ID_BYTES)
