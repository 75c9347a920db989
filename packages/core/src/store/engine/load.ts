/**
 * From files to a store in memory: the index, the segments, and what was committed since the last checkpoint.
 *
 * Owns: reading, without changing anything on the disk. Where the index is damaged it tries twice: what stands before
 * the damage with all of the data log behind it is often everything; failing that, everything of the index that can
 * be read, and then the store is read-only.
 */

import type { Clock } from '../../base/clock.ts'
import { Pace } from '../../base/pace.ts'
import { copy } from '../../bytes/bytes.ts'
import type { Crc32 } from '../crc32.ts'
import type { StoreSizes } from '../options.ts'
import { Room } from '../room.ts'
import { type Adopted, adoptSegments } from './adopt.ts'
import { BlockReader } from './block-reader.ts'
import { ColdGuard } from './cold-guard.ts'
import type { FileTable } from './files.ts'
import { decodeHeader, FIRST_ADDRESS, HEADER_BYTES, KIND_DATA, KIND_PAGES } from './format.ts'
import type { Frame } from './frames.ts'
import { Frees } from './frees.ts'
import type { Gate } from './gate.ts'
import { IndexFile, type StoredIndex } from './index-file.ts'
import { IndexImages } from './index-images.ts'
import type { StoredSegment } from './index-items.ts'
import type { KeyFile } from './key-file.ts'
import { LogTable } from './log-table.ts'
import { PageCache } from './page-cache.ts'
import { type Replayed, replay } from './replay.ts'
import { SegmentLog } from './segments.ts'
import { Staging } from './staging.ts'
import { readSyncMark, SyncMark } from './sync-mark.ts'
import { Undo } from './undo.ts'

/** What loading needs beside the files. */
export interface LoadOptions {
  readonly files: FileTable
  readonly keys: KeyFile
  readonly gate: Gate
  readonly clock: Clock
  readonly crc32: Crc32
  readonly sizes: StoreSizes
  readonly quotaBytes: number
  readonly keepFreeBytes: number
  readonly syncs: boolean
  /** For a store that is new. */
  readonly newStoreId: Uint8Array
}

/** A store in memory. */
export interface Loaded {
  readonly files: FileTable
  readonly data: SegmentLog
  readonly pages: SegmentLog
  readonly cache: PageCache
  readonly staging: Staging
  readonly undo: Undo
  readonly frees: Frees
  readonly reader: BlockReader
  readonly room: Room
  readonly logs: LogTable
  readonly index: IndexFile
  readonly mark: SyncMark
  readonly replayed: Replayed
  /** End of the data log and of the page log in the index. */
  readonly position: number
  readonly pagesEnd: number
  /** `Disk.identity` when the index was written. */
  readonly identity: string
  /** What is wrong, in words; empty for a store that is whole. */
  readonly damage: readonly string[]
  /** Nothing is lost, but the index file must be written anew. */
  readonly isIndexStale: boolean
  readonly superfluous: readonly string[]
}

export async function load(options: LoadOptions, stored: StoredIndex | undefined): Promise<Loaded> {
  if (stored === undefined) return loadFrom(options, undefined, [], [])
  const { before, behind } = stored.frames
  const first = await loadFrom(options, stored, before, behind)
  if (first.damage.length === 0 || behind.length === 0) return first
  return loadFrom(options, stored, [...before, ...behind], [])
}

/** @param unused - frames that are right and not taken: they tell how far the store once was */
async function loadFrom(
  options: LoadOptions,
  stored: StoredIndex | undefined,
  frames: readonly Frame[],
  unused: readonly Frame[],
): Promise<Loaded> {
  const { files, crc32 } = options
  const pace = new Pace(options.clock)
  const names = files.disk.list()
  const storeId = stored?.storeId ?? findStoreId(options, names)
  const index = await makeIndex(options, stored, frames, storeId, pace)
  const { base } = index.images
  const position = base?.position ?? FIRST_ADDRESS
  const pagesEnd = base?.pagesEnd ?? FIRST_ADDRESS
  const { data, pages, adopted } = openLogs(options, names, storeId, index.images)
  const parts = joinParts(options, data, pages, index)
  const { logs, undo, frees } = parts
  await logs.fill(pace)
  const mark = readSyncMark(files, storeId, crc32)
  const durable = Math.max(position, durableIn(stored, unused), mark)
  const previous = base?.previous ?? 0
  const replayed = replay({ data, logs, undo, frees, crc32 }, position, previous, durable)
  parts.staging.begin(replayed.end)
  return {
    ...parts,
    ...{ files, data, pages, index, replayed, position, pagesEnd },
    mark: new SyncMark(files, storeId, crc32),
    identity: base?.identity ?? '',
    damage: damageOf(adopted, replayed, stored, unused, frames),
    isIndexStale: stored?.storeId === undefined || stored.isOlder || unused.length > 0,
    superfluous: adopted.flatMap(({ superfluous }) => superfluous),
  }
}

/** Data log and page log, with the segments whose files are there. */
function openLogs(
  { files, crc32, sizes, syncs }: LoadOptions,
  names: readonly string[],
  storeId: Uint8Array,
  images: IndexImages,
): { data: SegmentLog; pages: SegmentLog; adopted: Adopted[] } {
  const { position = FIRST_ADDRESS, pagesEnd = FIRST_ADDRESS } = images.base ?? {}
  const common = { files, storeId, crc32, syncs }
  const { segmentBytes, pageSegmentBytes } = sizes
  const data = new SegmentLog(
    { ...common, prefix: 'data-', kind: KIND_DATA, segmentBytes },
    position,
  )
  const pages = new SegmentLog(
    { ...common, prefix: 'pages-', kind: KIND_PAGES, segmentBytes: pageSegmentBytes },
    pagesEnd,
  )
  const tables = tablesOf(images)
  const adopt = (log: SegmentLog, kind: 1 | 2, end: number): Adopted =>
    adoptSegments(log, names, { ...common, kind, table: tables[kind], end })
  const adopted = [adopt(data, KIND_DATA, position), adopt(pages, KIND_PAGES, pagesEnd)]
  return { data, pages, adopted }
}

type Parts = Pick<Loaded, 'cache' | 'staging' | 'undo' | 'frees' | 'reader' | 'room' | 'logs'>

/** What lives in memory only. */
function joinParts(
  { files, gate, clock, crc32, sizes, keys, quotaBytes, keepFreeBytes }: LoadOptions,
  data: SegmentLog,
  pages: SegmentLog,
  index: IndexFile,
): Parts {
  const guard = new ColdGuard(clock)
  const cache = new PageCache(pages, crc32, guard, sizes.pageCacheBytes)
  const staging = new Staging(sizes.recordBytes)
  const undo = new Undo()
  const frees = new Frees(data, pages)
  // While records are replayed nothing is staged, so every block is read from its file.
  staging.begin(Number.MAX_SAFE_INTEGER)
  const reader = new BlockReader(staging, data, guard)
  const room = new Room(quotaBytes, keepFreeBytes, {
    usedBytes: () => data.fileBytes + pages.fileBytes + index.fileBytes,
    freeBytes: () => files.disk.freeBytes(),
    measuredTo: () => data.end,
  })
  const logs: LogTable = new LogTable(
    () => index.images,
    keys,
    {
      ...{ undo, frees, cache },
      touched: (state) => logs.changed.add(state),
      identityOf: (log) => logs.identityOf(log),
      headOf: (log) => logs.headOf(log),
      copyKeysOf: (log, into) => logs.copyKeysOf(log, into),
      isOwn: (log) => logs.isOwn(log),
      isHashOfManifest: (log) => logs.isHashOfManifest(log),
    },
    { staging, reader, room, checkWritable: () => gate.check() },
  )
  return { cache, staging, undo, frees, reader, room, logs }
}

function damageOf(
  adopted: readonly Adopted[],
  replayed: Replayed,
  stored: StoredIndex | undefined,
  unused: readonly Frame[],
  frames: readonly Frame[],
): string[] {
  const damage = adopted.flatMap((log) => log.damage)
  if (replayed.damage !== undefined) damage.push(replayed.damage)
  const isSkipping = unused.length === 0 && frames.length > (stored?.frames.before.length ?? 0)
  if (isSkipping) damage.push('the index is damaged')
  return damage
}

async function makeIndex(
  { files, crc32, syncs }: LoadOptions,
  stored: StoredIndex | undefined,
  frames: readonly Frame[],
  storeId: Uint8Array,
  pace: Pace,
): Promise<IndexFile> {
  const images = new IndexImages()
  if (stored === undefined) {
    return new IndexFile(files, crc32, storeId, syncs, images, { number: 0, end: 0, frame: 0 })
  }
  for (const { from, end } of frames) {
    images.add(stored.bytes, from, end)
    if (pace.isOver) await pace.turn()
  }
  return new IndexFile(files, crc32, storeId, syncs, images, {
    number: stored.number,
    end: stored.frames.end,
    frame: frames.at(-1)?.number ?? 0,
  })
}

function tablesOf(images: IndexImages): Record<1 | 2, Map<number, StoredSegment>> {
  const tables = {
    [KIND_DATA]: new Map<number, StoredSegment>(),
    [KIND_PAGES]: new Map<number, StoredSegment>(),
  }
  for (const segment of images.segments()) {
    if (segment.kind === KIND_DATA || segment.kind === KIND_PAGES) {
      tables[segment.kind].set(segment.start, segment)
    }
  }
  return tables
}

/** The end of the data log that frames name which are not used otherwise. */
function durableIn(stored: StoredIndex | undefined, frames: readonly Frame[]): number {
  const images = new IndexImages()
  for (const { from, end } of frames) if (stored !== undefined) images.add(stored.bytes, from, end)
  return images.base?.position ?? 0
}

/** Without an index, the id of a store stands in its other files. */
function findStoreId(
  { files, crc32, newStoreId }: LoadOptions,
  names: readonly string[],
): Uint8Array {
  for (const name of names) {
    if (!name.startsWith('data-')) continue
    const bytes = new Uint8Array(HEADER_BYTES)
    const read = files.get(name).read(bytes, 0, HEADER_BYTES, 0)
    const header = decodeHeader(bytes.subarray(0, read), name, crc32)
    if (header !== undefined) return copy(header.storeId)
  }
  return newStoreId
}
