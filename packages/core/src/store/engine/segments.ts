/**
 * A log of bytes in files: the data log and the page log.
 *
 * Owns: the mapping from address to file. A segment holds the addresses `start .. end`; address `a` stands in
 * its file at `a - start + HEADER_BYTES`. These statements always hold:
 *
 * - Segments are in order and disjoint; each new one starts where the last one ends. Only the last grows.
 * - An address is used once: what was appended there and taken back (`shrink`) is the only exception.
 * - `liveBytes` and `liveItems` count what some log still refers to; a segment where both are 0 holds nothing that a
 *   reader could ask for, and goes when no recovery can need it either.
 */

import { DatError, invariant } from '../../base/errors.ts'
import type { Crc32 } from '../crc32.ts'
import type { DiskFile } from '../disk.ts'
import type { FileTable, OpenFile } from './files.ts'
import { encodeHeader, type FileKind, HEADER_BYTES } from './format.ts'

/** One file of a log of bytes. */
export interface Segment {
  readonly name: string
  readonly start: number
  end: number
  liveBytes: number
  liveItems: number
  /** Bytes given back to the file system by holes. */
  punchedBytes: number
  /** Number of the first checkpoint that knows it without anything live; 0 while it has. */
  emptySince: number
  /** The counters differ from what the index says. */
  changed: boolean
  isUnsynced: boolean
  /** Held while it is unsynced: an error of the sync is reported to who has it open. */
  held: OpenFile | undefined
  /** Its content could not be understood when it was to be rewritten: left alone. */
  stuck: boolean
}

/** Which of the two logs, and where it lives. */
export interface SegmentLogOptions {
  readonly files: FileTable
  readonly prefix: 'data-' | 'pages-'
  readonly kind: FileKind
  readonly segmentBytes: number
  readonly storeId: Uint8Array
  readonly crc32: Crc32
  /** False in durability mode `none`. */
  readonly syncs: boolean
}

const SUFFIX = '.log'
/** File systems give back whole pages. */
const PUNCH_UNIT = 4_096

export class SegmentLog {
  readonly segments: Segment[] = []
  /** Address of the next byte. */
  end: number
  readonly #options: SegmentLogOptions
  #lastHit: Segment | undefined
  #hitFile: DiskFile | undefined
  #hitClosings = -1

  constructor(options: SegmentLogOptions, end: number) {
    this.#options = options
    this.end = end
  }

  nameOf(start: number): string {
    return `${this.#options.prefix}${start}${SUFFIX}`
  }

  /** The start address in a file name of this log; `undefined` for other names. */
  startOf(name: string): number | undefined {
    const { prefix } = this.#options
    if (!name.startsWith(prefix) || !name.endsWith(SUFFIX)) return undefined
    const start = Number(name.slice(prefix.length, -SUFFIX.length))
    return Number.isSafeInteger(start) && name === this.nameOf(start) ? start : undefined
  }

  /** Adds a segment whose file is there. In order of address. */
  adopt(start: number, end: number): Segment {
    const last = this.segments.at(-1)
    invariant(last === undefined || last.end <= start, 'Segments overlap.', { start })
    const segment: Segment = {
      name: this.nameOf(start),
      start,
      end,
      liveBytes: 0,
      liveItems: 0,
      punchedBytes: 0,
      emptySince: 0,
      changed: false,
      isUnsynced: false,
      held: undefined,
      stuck: false,
    }
    this.segments.push(segment)
    return segment
  }

  /** The segment that holds `address`. */
  at(address: number): Segment | undefined {
    const hit = this.#lastHit
    if (hit !== undefined && hit.start <= address && address < hit.end) return hit
    let low = 0
    let high = this.segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.segments[middle]?.end ?? 0) > address) high = middle
      else low = middle + 1
    }
    const found = this.segments[low]
    if (found === undefined || found.start > address) return undefined
    this.#lastHit = found
    this.#hitClosings = -1
    return found
  }

  // ---- Reading ----

  /** Fills `into[at .. at + length)` from `address`; fewer where the segment ends. Returns the bytes read. */
  read(into: Uint8Array, at: number, length: number, address: number): number {
    const segment = this.#require(address)
    const { files } = this.#options
    if (this.#hitClosings !== files.closings || this.#hitFile === undefined) {
      this.#hitFile = files.get(segment.name)
      this.#hitClosings = files.closings
    }
    const wanted = Math.min(length, segment.end - address)
    return this.#hitFile.read(into, at, wanted, address - segment.start + HEADER_BYTES)
  }

  /** The same in the thread pool. */
  readLater(into: Uint8Array, length: number, address: number): Promise<number> {
    const segment = this.#require(address)
    const { files } = this.#options
    const wanted = Math.min(length, segment.end - address)
    const from = address - segment.start + HEADER_BYTES
    return files.call(segment.name, (file) => file.readLater(into, 0, wanted, from))
  }

  #require(address: number): Segment {
    const segment = this.at(address)
    if (segment !== undefined) return segment
    throw new DatError('CORRUPT_STORE', 'The file that holds these bytes is missing.', {
      address,
      log: this.#options.prefix,
    })
  }

  // ---- Writing ----

  /** Writes `bytes` behind the end, in one file and with one call, and returns their address. */
  append(bytes: Uint8Array): number {
    let segment = this.segments.at(-1)
    if (segment === undefined || segment.end - segment.start >= this.#options.segmentBytes) {
      segment = this.roll()
    }
    const address = this.end
    this.#markUnsynced(segment)
    const file = this.#options.files.get(segment.name)
    file.write(bytes, address - segment.start + HEADER_BYTES)
    segment.end = address + bytes.length
    this.end = segment.end
    return address
  }

  /** Starts a new segment, so that the last one no longer grows. */
  roll(): Segment {
    const { files, kind, storeId, crc32 } = this.#options
    const name = this.nameOf(this.end)
    const file = files.create(name)
    try {
      file.truncate(0)
      file.write(encodeHeader(kind, storeId, this.end, crc32), 0)
    } catch (error) {
      files.remove(name)
      throw error
    }
    const segment = this.adopt(this.end, this.end)
    segment.changed = true
    this.#markUnsynced(segment)
    return segment
  }

  /** Takes back everything behind `end`, also what a failed write may have left there. */
  shrink(end: number): void {
    for (;;) {
      const last = this.segments.at(-1)
      if (last === undefined) break
      if (last.start < end || (last.start === end && this.segments.length === 1)) {
        this.#markUnsynced(last)
        this.#options.files.get(last.name).truncate(end - last.start + HEADER_BYTES)
        last.end = end
        break
      }
      this.drop(last)
    }
    this.end = end
  }

  /** Deletes a segment. */
  drop(segment: Segment): void {
    const at = this.segments.indexOf(segment)
    invariant(at >= 0, 'A segment was dropped twice.', { file: segment.name })
    this.#markSynced(segment)
    this.segments.splice(at, 1)
    if (this.#lastHit === segment) this.#lastHit = undefined
    this.#options.files.remove(segment.name)
  }

  /** Gives bytes of a segment that is about to be dropped back to the file system. False if the file system can't. */
  hollow(segment: Segment, address: number, length: number): boolean {
    const [first, end] = wholePages(segment, address, length)
    return end <= first || this.#options.files.get(segment.name).punch(first, end - first)
  }

  /** Gives the bytes of something dead back to the file system. False if the file system can't. */
  punch(address: number, length: number): boolean {
    const segment = this.at(address)
    if (segment === undefined) return true
    const [first, end] = wholePages(segment, address, length)
    if (end <= first) return true
    if (!this.#options.files.get(segment.name).punch(first, end - first)) return false
    segment.punchedBytes += end - first
    segment.changed = true
    return true
  }

  /** The next `sync` includes everything from `address` on, whoever wrote it. */
  markUnsynced(address: number): void {
    for (const segment of this.segments) if (segment.end > address) this.#markUnsynced(segment)
  }

  /** Everything appended so far is on the disk, and so are the names, when this resolves. */
  async sync(): Promise<void> {
    const { files } = this.#options
    await files.syncNames()
    for (const segment of [...this.segments]) {
      if (!segment.isUnsynced) continue
      // What is written from here on is unsynced again.
      const synced = files.call(segment.name, (file) => file.sync())
      this.#markSynced(segment)
      await synced
    }
  }

  #markUnsynced(segment: Segment): void {
    segment.isUnsynced = true
    const { files, syncs } = this.#options
    if (syncs) segment.held ??= files.hold(segment.name)
  }

  #markSynced(segment: Segment): void {
    segment.isUnsynced = false
    if (segment.held !== undefined) this.#options.files.release(segment.held)
    segment.held = undefined
  }

  // ---- What is live ----

  addLive(address: number, bytes: number, items: number): void {
    const segment = this.at(address)
    if (segment === undefined) return
    segment.liveBytes += bytes
    segment.liveItems += items
    segment.changed = true
    if (segment.liveBytes >= 0 && segment.liveItems >= 0) return
    // More was taken away than there was: whatever lives here, nobody knows. It is never deleted.
    segment.liveBytes = Math.max(segment.liveBytes, 0)
    segment.liveItems = 1
    segment.stuck = true
  }

  get liveBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.liveBytes, 0)
  }

  get fileBytes(): number {
    return this.segments.reduce((sum, s) => sum + s.end - s.start - s.punchedBytes, 0)
  }
}

/** Where they begin and end in the file: the bytes beside them belong to others and are not written. */
function wholePages(segment: Segment, address: number, length: number): [number, number] {
  const from = address - segment.start + HEADER_BYTES
  const first = Math.ceil(from / PUNCH_UNIT) * PUNCH_UNIT
  return [first, Math.floor((from + length) / PUNCH_UNIT) * PUNCH_UNIT]
}
