/**
 * The content of the index file in memory, by log: where the newest item of each kind stands.
 *
 * Owns: the encoded items. A store of a hundred thousand logs is opened by noting offsets; a log is decoded when it is
 * asked for. The images are what the last frame says and never newer, so the file can be written anew from them
 * while the logs change.
 */

import { EMPTY } from '../../bytes/bytes.ts'
import type { Writer } from '../../bytes/cursor.ts'
import { readU32LE } from '../../bytes/integers.ts'
import {
  INDEX_BASE,
  INDEX_GONE,
  INDEX_IDENTITY,
  INDEX_REMOVED,
  INDEX_SEGMENT,
  INDEX_STATE,
  INDEX_USED,
  INDEX_USER_DATA,
  type IndexBase,
  ITEM_HEADER_BYTES,
  liesBeyond,
  logOf,
  readBase,
  readSegment,
  readUsed,
  readUserDataName,
  type StoredSegment,
  segmentName,
  writeUsed,
} from './index-items.ts'

/** Length of the body of a `used`. */
const USED_BYTES = 8
/** Of the length in front of a body. */
const LENGTH_BYTES = 4

/** Where the body of an item stands. */
export interface Image {
  readonly bytes: Uint8Array
  readonly at: number
  readonly length: number
}

/** Where the items of one kind stand, by log: eight bytes for each. */
class ImageColumn {
  /** One more than the highest log that has one. */
  end = 0
  /** For each log: the number of its buffer, and the offset of the body there; 0 for none. */
  #rows = new Uint32Array(128)

  offset(log: number): number {
    return log < this.end ? (this.#rows[2 * log + 1] ?? 0) : 0
  }

  buffer(log: number): number {
    return this.#rows[2 * log] ?? 0
  }

  set(log: number, buffer: number, at: number): void {
    if (log >= this.end) this.#reach(log + 1)
    this.#rows[2 * log] = buffer
    this.#rows[2 * log + 1] = at
  }

  #reach(end: number): void {
    this.end = end
    if (2 * end <= this.#rows.length) return
    const rows = new Uint32Array(Math.max(2 * end, 2 * this.#rows.length))
    rows.set(this.#rows)
    this.#rows = rows
  }
}

export class IndexImages {
  base: IndexBase | undefined
  /** Bytes of the items that count. */
  liveBytes = 0
  readonly #buffers: Uint8Array[] = []
  readonly #identities = new ImageColumn()
  readonly #states = new ImageColumn()
  readonly #userData = new Map<number, Map<string, Image>>()
  /** Hours of last use, in place of offsets. */
  readonly #used = new ImageColumn()
  /** Logs of which something lies beyond the head's length: few, and after a crash only. */
  readonly #beyond = new Set<number>()
  readonly #segments = new Map<string, StoredSegment>()

  /** Takes the items of a frame whose checksum is right. `bytes` stay in use. */
  add(bytes: Uint8Array, from: number, end: number): void {
    const buffer = this.#buffers.push(bytes) - 1
    let at = from
    while (at + ITEM_HEADER_BYTES <= end) {
      const type = bytes[at] ?? 0
      const length = readU32LE(bytes, at + 1)
      this.#take(type, buffer, bytes, at + ITEM_HEADER_BYTES, length)
      at += ITEM_HEADER_BYTES + length
    }
  }

  #take(type: number, buffer: number, bytes: Uint8Array, at: number, length: number): void {
    if (type === INDEX_STATE) this.#setState(buffer, bytes, at, length)
    else if (type === INDEX_IDENTITY) this.#setIdentity(buffer, bytes, at, length)
    else if (type === INDEX_USER_DATA) this.#setUserData({ bytes, at, length })
    else if (type === INDEX_REMOVED) this.#remove(logOf(bytes, at))
    else if (type === INDEX_BASE) this.base = readBase(bytes, at, length)
    else if (type === INDEX_SEGMENT) {
      this.#segments.set(segmentName(bytes, at), readSegment(bytes, at, length))
    } else if (type === INDEX_USED) this.#setUsed(logOf(bytes, at), readUsed(bytes, at))
    else if (type === INDEX_GONE) this.#segments.delete(segmentName(bytes, at))
  }

  #setIdentity(buffer: number, bytes: Uint8Array, at: number, length: number): void {
    const log = logOf(bytes, at)
    this.liveBytes += length - this.#lengthOf(this.#identities, log)
    this.#identities.set(log, buffer, at)
  }

  #setState(buffer: number, bytes: Uint8Array, at: number, length: number): void {
    const log = logOf(bytes, at)
    this.liveBytes += length - this.#lengthOf(this.#states, log)
    this.#states.set(log, buffer, at)
    if (liesBeyond(bytes, at)) this.#beyond.add(log)
    else if (this.#beyond.size > 0) this.#beyond.delete(log)
  }

  /** It stands in front of the body. */
  #lengthOf(column: ImageColumn, log: number): number {
    const at = column.offset(log)
    const bytes = at === 0 ? undefined : this.#buffers[column.buffer(log)]
    return bytes === undefined ? 0 : readU32LE(bytes, at - LENGTH_BYTES)
  }

  #setUserData(image: Image): void {
    const log = logOf(image.bytes, image.at)
    const { name, isPresent } = readUserDataName(image.bytes, image.at, image.length)
    const values = this.#userData.get(log) ?? new Map<string, Image>()
    this.liveBytes -= values.get(name)?.length ?? 0
    if (!isPresent) values.delete(name)
    else {
      values.set(name, image)
      this.liveBytes += image.length
    }
    if (values.size > 0) this.#userData.set(log, values)
    else this.#userData.delete(log)
  }

  #setUsed(log: number, hour: number): void {
    if (this.#used.offset(log) === 0) this.liveBytes += USED_BYTES
    this.#used.set(log, 0, hour)
  }

  #remove(log: number): void {
    if (this.#used.offset(log) !== 0) {
      this.liveBytes -= USED_BYTES
      this.#used.set(log, 0, 0)
    }
    for (const column of [this.#identities, this.#states]) {
      this.liveBytes -= this.#lengthOf(column, log)
      if (log < column.end) column.set(log, 0, 0)
    }
    for (const image of this.#userData.get(log)?.values() ?? []) this.liveBytes -= image.length
    this.#userData.delete(log)
    this.#beyond.delete(log)
  }

  // ---- Asking ----

  /** One more than the highest number of a log. */
  get logsEnd(): number {
    return this.#identities.end
  }

  /** Is the log there? */
  has(log: number): boolean {
    return this.#identities.offset(log) > 0
  }

  identity(log: number): Image | undefined {
    return this.#image(this.#identities, log)
  }

  /** Where the body of the log's identity begins in `identityBytes`, without making an object for it; 0 for none. */
  identityAt(log: number): number {
    return this.#identities.offset(log)
  }

  /** Valid for a log that is there. */
  identityBytes(log: number): Uint8Array {
    return this.#buffers[this.#identities.buffer(log)] ?? EMPTY
  }

  state(log: number): Image | undefined {
    return this.#image(this.#states, log)
  }

  userData(log: number): Iterable<Image> {
    return this.#userData.get(log)?.values() ?? []
  }

  /** Logs with user data of a name. */
  withUserData(name: string): number[] {
    const logs: number[] = []
    for (const [log, values] of this.#userData) if (values.has(name)) logs.push(log)
    return logs
  }

  /** The hour of a log's last use; 0 if that is not known. */
  usedHour(log: number): number {
    return this.#used.offset(log)
  }

  segments(): Iterable<StoredSegment> {
    return this.#segments.values()
  }

  /** Logs of which something lies beyond the head's length. */
  logsBeyond(): number[] {
    return [...this.#beyond].sort((a, b) => a - b)
  }

  #image(column: ImageColumn, log: number): Image | undefined {
    const at = column.offset(log)
    const bytes = at === 0 ? undefined : this.#buffers[column.buffer(log)]
    return bytes && { bytes, at, length: readU32LE(bytes, at - LENGTH_BYTES) }
  }

  // ---- Writing anew ----

  /** Appends the items of a log to `writer`. */
  copyLog(writer: Writer, log: number): void {
    copyItem(writer, INDEX_IDENTITY, this.identity(log))
    copyItem(writer, INDEX_STATE, this.state(log))
    for (const image of this.userData(log)) copyItem(writer, INDEX_USER_DATA, image)
    const hour = this.usedHour(log)
    if (hour !== 0) writeUsed(writer, log, hour)
  }
}

function copyItem(writer: Writer, type: number, image: Image | undefined): void {
  if (image === undefined) return
  writer.u8(type)
  writer.u32LE(image.length)
  writer.fixed(image.bytes.subarray(image.at, image.at + image.length))
}
