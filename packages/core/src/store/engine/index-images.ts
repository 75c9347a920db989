/**
 * The content of the index file in memory, by log: where the newest item of each kind stands.
 *
 * Owns: the encoded items. A store of a hundred thousand logs is opened by noting offsets; a log is decoded when it is
 * asked for. The images are what the last frame says and never newer, so the file can be written anew from them
 * while the logs change.
 */

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
  readUserData,
  type StoredSegment,
  segmentName,
  writeUsed,
} from './index-items.ts'

/** Length of the body of a `used`. */
const USED_BYTES = 8

/** Where the body of an item stands. */
export interface Image {
  readonly bytes: Uint8Array
  readonly at: number
  readonly length: number
}

/** Offsets of one kind of item by log: the buffer's number, the offset and the length of the body. */
class ImageColumn {
  readonly buffers: number[] = []
  readonly offsets: number[] = []
  readonly lengths: number[] = []

  /** Returns the bytes of the item that is replaced. */
  set(log: number, buffer: number, at: number, length: number): number {
    // Arrays without holes stay fast: a log that has none gets offset 0.
    while (this.offsets.length < log) this.#push(0, 0, 0)
    const old = this.lengths[log] ?? 0
    if (log === this.offsets.length) this.#push(buffer, at, length)
    else {
      this.buffers[log] = buffer
      this.offsets[log] = at
      this.lengths[log] = length
    }
    return old
  }

  #push(buffer: number, at: number, length: number): void {
    this.buffers.push(buffer)
    this.offsets.push(at)
    this.lengths.push(length)
  }
}

export class IndexImages {
  base: IndexBase | undefined
  /** Bytes of the items that count. */
  liveBytes = 0
  #buffers: Uint8Array[] = []
  readonly #identities = new ImageColumn()
  readonly #states = new ImageColumn()
  readonly #userData = new Map<number, Map<string, Image>>()
  /** Hours of last use; logs without are not in it. */
  readonly #used = new Map<number, number>()
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
    if (type === INDEX_STATE) this.#set(this.#states, buffer, bytes, at, length)
    else if (type === INDEX_IDENTITY) this.#set(this.#identities, buffer, bytes, at, length)
    else if (type === INDEX_USER_DATA) this.#setUserData({ bytes, at, length })
    else if (type === INDEX_REMOVED) this.#remove(logOf(bytes, at))
    else if (type === INDEX_BASE) this.base = readBase(bytes, at, length)
    else if (type === INDEX_SEGMENT) {
      this.#segments.set(segmentName(bytes, at), readSegment(bytes, at, length))
    } else if (type === INDEX_USED) this.#setUsed(logOf(bytes, at), readUsed(bytes, at))
    else if (type === INDEX_GONE) this.#segments.delete(segmentName(bytes, at))
  }

  #set(column: ImageColumn, buffer: number, bytes: Uint8Array, at: number, length: number): void {
    this.liveBytes += length - column.set(logOf(bytes, at), buffer, at, length)
  }

  #setUserData(image: Image): void {
    const log = logOf(image.bytes, image.at)
    const { name, value } = readUserData(image.bytes, image.at, image.length)
    const values = this.#userData.get(log) ?? new Map<string, Image>()
    this.liveBytes -= values.get(name)?.length ?? 0
    if (value === undefined) values.delete(name)
    else {
      values.set(name, image)
      this.liveBytes += image.length
    }
    if (values.size > 0) this.#userData.set(log, values)
    else this.#userData.delete(log)
  }

  #setUsed(log: number, hour: number): void {
    if (!this.#used.has(log)) this.liveBytes += USED_BYTES
    this.#used.set(log, hour)
  }

  #remove(log: number): void {
    if (this.#used.delete(log)) this.liveBytes -= USED_BYTES
    for (const column of [this.#identities, this.#states]) {
      if (log < column.offsets.length) this.liveBytes -= column.set(log, 0, 0, 0)
    }
    for (const image of this.#userData.get(log)?.values() ?? []) this.liveBytes -= image.length
    this.#userData.delete(log)
  }

  // ---- Asking ----

  /** One more than the highest number of a log. */
  get logsEnd(): number {
    return this.#identities.offsets.length
  }

  identity(log: number): Image | undefined {
    return this.#image(this.#identities, log)
  }

  /** Calls `visit` with the body of each log's identity, without making an object for it. */
  eachIdentity(visit: (log: number, bytes: Uint8Array, at: number) => void): void {
    const { buffers, offsets } = this.#identities
    for (let log = 0; log < offsets.length; log++) {
      const at = offsets[log] ?? 0
      const bytes = this.#buffers[buffers[log] ?? 0]
      if (at > 0 && bytes !== undefined) visit(log, bytes, at)
    }
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
    return this.#used.get(log) ?? 0
  }

  segments(): Iterable<StoredSegment> {
    return this.#segments.values()
  }

  /** Logs of which something lies beyond the head's length. */
  logsBeyond(): number[] {
    const logs: number[] = []
    for (let log = 0; log < this.logsEnd; log++) {
      const image = this.state(log)
      if (image !== undefined && liesBeyond(image.bytes, image.at)) logs.push(log)
    }
    return logs
  }

  #image(column: ImageColumn, log: number): Image | undefined {
    const at = column.offsets[log] ?? 0
    const bytes = this.#buffers[column.buffers[log] ?? 0]
    return at === 0 || bytes === undefined
      ? undefined
      : { bytes, at, length: column.lengths[log] ?? 0 }
  }

  // ---- Writing anew ----

  /** Appends the items of a log to `writer`. */
  copyLog(writer: Writer, log: number): void {
    copyItem(writer, INDEX_IDENTITY, this.identity(log))
    copyItem(writer, INDEX_STATE, this.state(log))
    for (const image of this.userData(log)) copyItem(writer, INDEX_USER_DATA, image)
    const hour = this.#used.get(log)
    if (hour !== undefined) writeUsed(writer, log, hour)
  }
}

function copyItem(writer: Writer, type: number, image: Image | undefined): void {
  if (image === undefined) return
  writer.u8(type)
  writer.u32LE(image.length)
  writer.fixed(image.bytes.subarray(image.at, image.at + image.length))
}
