/**
 * Finding the files of a data log or page log again, and comparing them with what the index says of them.
 *
 * Owns: what a missing, short or foreign file means. Returns what looks wrong, in words; takes over the rest. Changes
 * nothing on the disk: which files are superfluous is noted for whoever may delete them.
 */

import { equal } from '../../bytes/bytes.ts'
import type { Crc32 } from '../crc32.ts'
import type { FileTable } from './files.ts'
import { decodeHeader, type FileKind, HEADER_BYTES } from './format.ts'
import type { StoredSegment } from './index-items.ts'
import type { SegmentLog } from './segments.ts'

/** What was found. */
export interface Adopted {
  /** What is wrong, in words. */
  readonly damage: string[]
  /** Files that nothing refers to any more. */
  readonly superfluous: string[]
}

/** What the index says about one log of bytes. */
export interface AdoptOptions {
  readonly files: FileTable
  readonly kind: FileKind
  readonly storeId: Uint8Array
  readonly crc32: Crc32
  /** Of this log, by start address. */
  readonly table: ReadonlyMap<number, StoredSegment>
  /** End of the log in the index: segments that start before it must stand in the table. */
  readonly end: number
}

export function adoptSegments(
  log: SegmentLog,
  names: readonly string[],
  options: AdoptOptions,
): Adopted {
  const { files, table, end } = options
  const damage: string[] = []
  const superfluous: string[] = []
  const starts: number[] = []
  for (const name of names) {
    const start = log.startOf(name)
    if (start === undefined) continue
    // Deleted after a checkpoint, and back after a power cut.
    if (start < end && !table.has(start)) superfluous.push(name)
    else starts.push(start)
  }
  starts.sort((a, b) => a - b)
  for (const [i, start] of starts.entries()) {
    const name = log.nameOf(start)
    const size = Math.max(files.get(name).size() - HEADER_BYTES, 0)
    const next = starts[i + 1] ?? Number.MAX_SAFE_INTEGER
    const stored = table.get(start)
    const segment = log.adopt(start, Math.min(start + size, next))
    const wrong = checkFile(name, start, stored, options)
    if (wrong !== undefined) damage.push(wrong)
    if (stored === undefined) continue
    segment.liveBytes = stored.liveBytes
    segment.liveItems = stored.liveItems
    segment.punchedBytes = stored.punchedBytes
    if (segment.end < stored.end) damage.push(`the file ${name} is cut short`)
  }
  for (const [start, { liveItems }] of table) {
    if (liveItems > 0 && !starts.includes(start)) {
      damage.push(`the file ${log.nameOf(start)} is missing`)
    }
  }
  log.end = Math.max(log.segments.at(-1)?.end ?? end, end)
  return { damage, superfluous }
}

/** A file that the index does not know, or that still grows, must at least belong to this store. */
function checkFile(
  name: string,
  start: number,
  stored: StoredSegment | undefined,
  { files, kind, storeId, crc32, end }: AdoptOptions,
): string | undefined {
  if (stored !== undefined && stored.end < end) return undefined
  const bytes = new Uint8Array(HEADER_BYTES)
  const read = files.get(name).read(bytes, 0, HEADER_BYTES, 0)
  // A header that was torn or flipped harms nothing: its content is known.
  const header = decodeHeader(bytes.subarray(0, read), name, crc32)
  if (header === undefined) return undefined
  const isOurs = header.kind === kind && header.number === start && equal(header.storeId, storeId)
  return isOurs ? undefined : `the file ${name} belongs to another store`
}
